// face-api's expression network, by the package's own function for a face that is cut out already.

import fs from 'node:fs';
import path from 'node:path';
import { folderOf, wasm } from './wasm.mjs';

const SIDE = 48;
const LABELS = ['neutral', 'happy', 'sad', 'angry', 'fearful', 'disgusted', 'surprised'];

export async function load(require) {
  const tf = await wasm(require);
  const folder = folderOf('@vladmandic/face-api');
  const faceapi = require(path.join(folder, 'dist', 'face-api.node-wasm.js'));
  const net = faceapi.nets.faceExpressionNet;
  await net.loadFromDisk(path.join(folder, 'model'));
  const [{ weights }] = JSON.parse(fs.readFileSync(path.join(folder, 'model', 'face_expression_model-weights_manifest.json')));
  return {
    labels: LABELS,
    ways: {
      '112 pixels, its means taken off': (faces, number) =>
        Array.from({ length: number }, (_, at) => tf.tidy(() =>
          tf.tile(tf.tensor3d(faces.subarray(at * SIDE * SIDE, (at + 1) * SIDE * SIDE), [SIDE, SIDE, 1], 'float32'), [1, 1, 3]))),
    },
    run: async (prepared, keep) => {
      const scores = [];
      for (const face of prepared) {
        const found = await net.predictExpressions(face);
        scores.push(...LABELS.map((label) => found[label]));
        if (!keep) face.dispose();
      }
      return scores;
    },
    weights: [path.join(folder, 'model', 'face_expression_model.bin')],
    num_parameters: weights.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
    runtime: `TensorFlow.js ${tf.version.tfjs}, wasm`,
  };
}
