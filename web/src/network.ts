/** A model file in onnxruntime-web, on one thread: networks this small gain nothing from a second one. */

import * as ort from "onnxruntime-web/wasm";

export type Outputs = Record<string, Float32Array>;

/** Hands onnxruntime its own WebAssembly, so that it looks for no file by itself. */
export function useWasm(binary: ArrayBuffer): void {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = binary;
  ort.env.logLevel = "error";
}

/** One network with one input: bytes for faces, floats for YuNet. */
export class Network {
  private constructor(
    private readonly session: ort.InferenceSession,
    private readonly input: string,
  ) {}

  static async open(file: Uint8Array): Promise<Network> {
    // Level 4: YuNet's file declares shapes of 640 × 640 for its outputs, and each other size would be a warning.
    const session = await ort.InferenceSession.create(file, { logSeverityLevel: 4 });
    return new Network(session, session.inputNames[0]!);
  }

  /** Every output, or those named, as plain arrays. */
  async run(data: Uint8Array | Float32Array, shape: number[], names?: string[]): Promise<Outputs> {
    const input =
      data instanceof Uint8Array ? new ort.Tensor("uint8", data, shape) : new ort.Tensor("float32", data, shape);
    const outputs = await this.session.run({ [this.input]: input }, names ?? this.session.outputNames);
    return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tensor.data as Float32Array]));
  }

  async close(): Promise<void> {
    await this.session.release();
  }
}
