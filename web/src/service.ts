/** mien serve: pictures by POST, frames by a WebSocket, as docs/serve.md describes them. */

import { Fault, type Abilities, type Backend, type Choices, type FrameStream, type Reading } from "./backend";
import type { Evidence, FrameResult } from "./results";

/** Quality of the frames that are sent, 0 to 1. */
const JPEG_QUALITY = 0.9;

/** Most frames that are sent and not answered. The service drops a third: it keeps one while it analyses another. */
const MOST_SENT = 2;

/** Milliseconds after which a service that starts is asked again whether it is ready. */
const ASK_AGAIN = 300;

const SILENT = "The service does not answer. Is mien serve still running?";

interface Description extends Omit<Abilities, "models"> {
  model: string;
  /** The one that the service was started with. */
  reading: Reading | null;
}

/** The service gives the evidence beside the faces. */
interface Answered extends FrameResult {
  evidence?: Evidence[];
}

interface Waiting {
  time: number;
  done: (result: FrameResult | null) => void;
  fail: (fault: Fault) => void;
}

const CLOSED: Record<number, string> = {
  1001: "The service stops.",
  1008: "The service refuses frames: too many a second, or the token is wrong.",
  1009: "A frame is too large for the service.",
  1013: "The service is busy. Try again in a moment.",
};

export class Service implements Backend {
  readonly privacy = `Pictures and frames go to ${location.host} and nowhere else. Nothing is kept there.`;
  private token = "";
  private abilities!: Abilities;

  async open(progress: (words: string) => void): Promise<Abilities> {
    progress("Asking the service …");
    await ready(progress);
    const { model, reading, priors, ...others } = (await (await this.asked("v1/models")).json()) as Description;
    const readings = [...others.readings].sort((one, other) => Number(other === reading) - Number(one === reading));
    this.abilities = { ...others, readings, priors: priors.length ? ["own", ...priors] : [], models: [model] };
    return this.abilities;
  }

  async picture(file: Blob, name: string, choices: Choices): Promise<FrameResult> {
    const query = new URLSearchParams({ name, ...asQuery(choices, this.abilities) });
    const headers = { "Content-Type": file.type || "image/*", Accept: "application/json" };
    const response = await this.asked(`v1/faces?${query}`, { method: "POST", body: file, headers });
    const { results } = (await response.json()) as { results: Answered[] };
    return { ...explained(results[0]!), index: 0, time: 0 };
  }

  async stream(choices: Choices): Promise<FrameStream> {
    const address = new URL(`v1/stream?${new URLSearchParams(asQuery(choices, this.abilities))}`, location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address, this.token ? ["mien", `bearer.${this.token}`] : []);
    await opened(socket);
    return new Socket(socket);
  }

  private async asked(path: string, init: RequestInit = {}): Promise<Response> {
    const authorization: Record<string, string> = this.token ? { Authorization: `Bearer ${this.token}` } : {};
    const headers = { ...(init.headers as Record<string, string>), ...authorization };
    const response = await fetch(path, { ...init, headers }).catch(() => null);
    if (!response) throw new Fault(SILENT);
    if (response.ok) return response;
    if (response.status === 401) {
      const token = prompt("This service asks for a token:");
      if (token) {
        this.token = token.trim();
        return this.asked(path, init);
      }
    }
    const problem = (await response.json().catch(() => ({}))) as { detail?: string };
    throw new Fault(problem.detail ?? `The service answered ${response.status}.`);
  }
}

/** Returns when the service takes pictures: it opens the page while it still loads its networks. */
async function ready(progress: (words: string) => void): Promise<void> {
  for (;;) {
    const response = await fetch("health/ready").catch(() => null);
    if (!response) throw new Fault(SILENT);
    if (response.status !== 503) return;
    progress("The service is starting …");
    await new Promise((again) => setTimeout(again, ASK_AGAIN));
  }
}

/** The choices as the service's query has them: those that it offers. */
function asQuery(choices: Choices, { readings, priors }: Abilities): Record<string, string> {
  const { reading, prior, evidence, maxError, sets } = choices;
  return {
    ...(readings.length > 1 && { reading }),
    ...(priors.length > 1 && reading === "people" && prior !== "own" && { prior }),
    ...(evidence && { evidence: "true" }),
    ...(maxError && { max_error: maxError }),
    ...(sets && { sets }),
  };
}

/** Why the service closed a stream: in its own words where it has any. */
const whyClosed = ({ code, reason }: CloseEvent, otherwise: string): Fault =>
  new Fault(reason ? `The service ends the stream: ${reason}` : (CLOSED[code] ?? otherwise));

function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onclose = (event) => reject(whyClosed(event, "The service did not take the stream."));
  });
}

/** One stream. The service answers frames in their order, each by its number. */
class Socket implements FrameStream {
  readonly most = 4; // two that are sent, and two more, so that none is missed when an answer is late
  private readonly waiting = new Map<number, Waiting>();
  private sent = 0;
  private last: Promise<unknown> = Promise.resolve();
  private room = (): void => {};
  private fault: Fault | null = null;

  constructor(private readonly socket: WebSocket) {
    socket.onmessage = ({ data }: MessageEvent<string>) => this.take(JSON.parse(data) as Answered);
    socket.onclose = (event) => this.end(whyClosed(event, "The connection to the service broke off."));
  }

  async send(bitmap: ImageBitmap, time: number): Promise<FrameResult | null> {
    const jpeg = encoded(bitmap); // begins at once, and is sent after the frames before
    const posted = this.last.then(() => this.post(jpeg, time));
    this.last = posted.catch(() => {});
    return (await posted).answer;
  }

  close(): void {
    this.socket.onclose = null;
    this.socket.close();
    for (const { done } of this.waiting.values()) done(null);
    this.end(new Fault("The stream is closed."));
  }

  private async post(jpeg: Promise<ArrayBuffer>, time: number): Promise<{ answer: Promise<FrameResult | null> }> {
    const content = await jpeg;
    if (this.waiting.size >= MOST_SENT) await new Promise<void>((go) => (this.room = go));
    if (this.fault) throw this.fault;
    this.socket.send(content);
    return { answer: new Promise((done, fail) => this.waiting.set(this.sent++, { time, done, fail })) };
  }

  /** Frames before the one that is answered, and not answered themselves, were dropped. */
  private take(answered: Answered): void {
    const result = explained(answered);
    for (const [index, { time, done }] of this.waiting) {
      if (index > result.index) break;
      done(index === result.index ? { ...result, time } : null);
      this.waiting.delete(index);
    }
    this.room();
  }

  private end(fault: Fault): void {
    this.fault = fault;
    for (const { fail } of this.waiting.values()) fail(fault);
    this.waiting.clear();
    this.room();
  }
}

function explained({ evidence, ...result }: Answered): FrameResult {
  if (!evidence) return result;
  return { ...result, faces: result.faces.map((face, index) => ({ ...face, evidence: evidence[index]! })) };
}

async function encoded(bitmap: ImageBitmap): Promise<ArrayBuffer> {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  canvas.getContext("2d", { alpha: false })!.drawImage(bitmap, 0, 0);
  bitmap.close();
  return (await canvas.convertToBlob({ type: "image/jpeg", quality: JPEG_QUALITY })).arrayBuffer();
}
