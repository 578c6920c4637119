// The emotion network of human.
//
// human cuts the face out as RGB of 0 to 1, resizes it, makes it grey and scales it to -1 to 1. The same is done here
// by the same functions of TensorFlow.js: human itself takes only pictures in which it finds a face.

import fs from 'node:fs';
import path from 'node:path';
import { folderOf, wasm } from './wasm.mjs';

const SIDE = 48;

export async function load(require) {
  const tf = await wasm(require);
  const folder = path.join(folderOf('@vladmandic/human'), 'models');
  const { weightsManifest, ...topology } = JSON.parse(fs.readFileSync(path.join(folder, 'emotion.json')));
  const weights = weightsManifest.flatMap((each) => each.paths.map((file) => path.join(folder, file)));
  const specs = weightsManifest.flatMap((each) => each.weights);
  const data = Uint8Array.from(Buffer.concat(weights.map((file) => fs.readFileSync(file)))).buffer;
  const model = await tf.loadGraphModel(tf.io.fromMemory({ ...topology, weightSpecs: specs, weightData: data }));
  const [, height, width] = model.inputs[0].shape;
  const prepare = (scaled) => (faces, number) => tf.tidy(() => {
    const grey = tf.tensor4d(Float32Array.from(faces, (value) => value / 255), [number, SIDE, SIDE, 1]);
    return scaled(tf.image.resizeBilinear(grey, [height, width], false));
  });
  return {
    labels: ['angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral'],
    ways: {
      '64 pixels, from -1 to 1': prepare((face) => tf.mul(tf.sub(face, 0.5), 2)),
      'from 0 to 1': prepare((face) => face),
    },
    run: async (prepared, keep) => {
      const scores = model.execute(prepared);
      const values = await scores.data();
      tf.dispose(keep ? [scores] : [scores, prepared]);
      return values;
    },
    weights,
    num_parameters: specs
      .filter(({ dtype }) => dtype === 'float32')
      .reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
    runtime: `TensorFlow.js ${tf.version.tfjs}, wasm`,
  };
}
