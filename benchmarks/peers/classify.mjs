// Runs in a peer's folder of npm packages: what classify.py is for packages of pip; see there.
//
//     node classify.mjs PEER [NETWORK]
//
// The working folder holds node_modules. PEER is a module `classify_PEER.mjs` beside this file whose `load(require,
// network)` gives labels, ways, run, weights, num_parameters and runtime; `run` may be asynchronous, and takes faces of
// 48 x 48 bytes each, prepared in one of the ways, to an array of scores, row after row.

import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import readline from 'node:readline';

const AREA = 48 * 48;
const BATCH = 32;

const [name, network] = process.argv.slice(2);
console.log = console.error; // libraries may print
const answer = (value) => process.stdout.write(JSON.stringify(value) + '\n');

async function classify(peer, { way, faces, scores }) {
  const pixels = fs.readFileSync(faces);
  const parts = [];
  for (let at = 0; at < pixels.length; at += BATCH * AREA) {
    const batch = pixels.subarray(at, at + BATCH * AREA);
    parts.push(Float32Array.from(await peer.run(await peer.ways[way](batch, batch.length / AREA))));
  }
  fs.writeFileSync(scores, Buffer.concat(parts.map((part) => Buffer.from(part.buffer))));
  return { num_faces: pixels.length / AREA };
}

async function microseconds(peer, { way, seconds }) {
  const face = Uint8Array.from({ length: AREA }, (_, at) => (at * 7919) % 256);
  const prepared = await peer.ways[way](face, 1);
  for (let time = 0; time < 5; time++) await peer.run(prepared, true);
  let number = 0;
  const start = process.cpuUsage();
  const taken = () => { const { user, system } = process.cpuUsage(start); return user + system; };
  while (taken() < seconds * 1e6) {
    await peer.run(prepared, true);
    number++;
  }
  return { microseconds: taken() / number };
}

const require = createRequire(path.join(process.cwd(), 'package.json'));
const { load } = await import(`./classify_${name}.mjs`);
const peer = await load(require, network);
answer({
  labels: peer.labels,
  ways: Object.keys(peer.ways),
  files: peer.weights.map((file) => path.basename(file)),
  bytes: peer.weights.reduce((sum, file) => sum + fs.statSync(file).size, 0),
  num_parameters: peer.num_parameters,
  runtime: peer.runtime,
});
for await (const line of readline.createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  answer('seconds' in question ? await microseconds(peer, question) : await classify(peer, question));
}
