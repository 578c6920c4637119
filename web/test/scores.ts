/** What the browser's networks say of faces, for benchmarks/browser_scores.py: FOLDER/faces.bin to FOLDER/scores.json. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { Network, useWasm } from "../src/network";
import { Reader, type ModelCard } from "../src/reader";

const folder = process.argv[2]!;
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, name)));
const { models } = JSON.parse(readFileSync(join(folder, "models.json"), "utf8")) as { models: ModelCard[] };
useWasm(read("ort.wasm").buffer as ArrayBuffer);

const faces = read("faces.bin");
const result: Record<string, number[][]> = {};
for (const card of models) {
  const reader = new Reader(await Network.open(read(`${card.name}.onnx`)), card);
  const size = card.input_size ** 2;
  const scores: number[][] = (result[card.name] = []);
  for (let at = 0; at < faces.length; at += size) {
    const asks = { reading: "people", prior: "halfway", evidence: false } as const;
    const [answer] = await reader.read(faces.subarray(at, at + size), 1, asks);
    scores.push(answer!.scores);
  }
}
writeFileSync(join(folder, "scores.json"), JSON.stringify(result));
