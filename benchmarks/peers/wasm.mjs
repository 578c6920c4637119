// TensorFlow.js with its wasm backend, on one thread, from the packages of the working folder.

import path from 'node:path';

// The folder of an installed package.
export const folderOf = (name) => path.resolve('node_modules', name);

export async function wasm(require) {
  const tf = require('@tensorflow/tfjs');
  const backend = require('@tensorflow/tfjs-backend-wasm');
  backend.setWasmPaths(path.join(folderOf('@tensorflow/tfjs-backend-wasm'), 'dist') + path.sep);
  backend.setThreadsCount(1);
  if (!(await tf.setBackend('wasm'))) throw new Error('TensorFlow.js has no wasm backend here');
  await tf.ready();
  return tf;
}
