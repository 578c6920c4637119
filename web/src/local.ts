/** The browser alone: a worker with onnxruntime and mien's networks. Frames never leave the tab. */

import { Fault, type Abilities, type Backend, type Choices, type FrameStream } from "./backend";
import type { Answered, Asked, Files } from "./messages";
import type { ModelCard } from "./reader";
import { opened } from "./pictures";
import type { Face, FrameResult } from "./results";

interface Description extends Pick<Abilities, "version" | "readings" | "priors"> {
  models: ModelCard[];
}

export class Local implements Backend {
  readonly privacy = "Everything is computed in this tab. No picture and no frame leaves it.";
  private worker!: Worker;
  private readonly waiting = new Map<number, (answered: Answered) => void>();
  private asked = 0;
  private streams = 0;

  async open(progress: (words: string) => void): Promise<Abilities> {
    progress("Loading the networks …");
    const description = (await (await fetched("models/models.json")).json()) as Description;
    const cards = description.models;
    const names = ["ort.wasm", "yunet.onnx", "alignment.onnx", ...cards.map(({ name }) => `${name}.onnx`)];
    const contents = await Promise.all(names.map(async (name) => (await fetched(`models/${name}`)).arrayBuffer()));
    const files: Files = Object.fromEntries(names.map((name, index) => [name, contents[index]!]));
    // From a blob, so that the page's content security policy holds in the worker too. A worker from an address has
    // the policy of its own response, and a static host sends none.
    const script = new Blob([await (await fetched("worker.js")).text()], { type: "text/javascript" });
    this.worker = new Worker(URL.createObjectURL(script), { type: "module" });
    this.worker.onmessage = ({ data }: MessageEvent<Answered>) => {
      this.waiting.get(data.id)?.(data);
      this.waiting.delete(data.id);
    };
    progress("Starting the networks …");
    await this.ask({ kind: "open", files, cards }, contents);
    const { version, readings, priors } = description;
    const [models, { labels }] = [cards.map(({ name }) => name), cards[0]!];
    const abilities = { detector: "yunet", evidence: true, uncertainty: true, max_error: null, sets: null };
    return { version, readings, priors, models, labels, ...abilities };
  }

  async picture(file: Blob, name: string, choices: Choices): Promise<FrameResult> {
    const bitmap = await opened(file, name);
    const { width, height } = bitmap;
    const faces = await this.ask({ kind: "frame", bitmap, choices, stream: null, time: 0 }, [bitmap]);
    return { source: name, index: 0, time: 0, width, height, faces, error: null };
  }

  async stream(choices: Choices): Promise<FrameStream> {
    const stream = this.streams++;
    let index = 0;
    return {
      most: 2, // one that is analysed, and one that is on its way
      send: async (bitmap, time) => {
        const { width, height } = bitmap;
        const frame = { source: "stream", index: index++, time, width, height, error: null };
        return { ...frame, faces: await this.ask({ kind: "frame", bitmap, choices, stream, time }, [bitmap]) };
      },
      close: () => void this.ask({ kind: "forget", stream }),
    };
  }

  private ask(asked: Asked, transfer: Transferable[] = []): Promise<Face[]> {
    const id = this.asked++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, (answered) =>
        "error" in answered ? reject(new Fault(`The analysis failed: ${answered.error}`)) : resolve(answered.faces),
      );
      this.worker.postMessage({ id, asked }, transfer);
    });
  }
}

async function fetched(path: string): Promise<Response> {
  const response = await fetch(path).catch(() => null);
  if (!response?.ok) throw new Fault(`${path} could not be loaded. Load the page again when there is a connection.`);
  return response;
}
