/** The networks and all that is computed of a frame, off the page's own thread. */

import { Analysis, type FoundFace } from "./analysis";
import type { Choices } from "./backend";
import { valenceArousal } from "./emotions";
import type { Picture } from "./geometry";
import type { Answered, Asked, Files } from "./messages";
import { Network, useWasm } from "./network";
import { Reader, type ModelCard } from "./reader";
import type { Face } from "./results";
import { Stream, type Tracked } from "./tracker";
import { ofAnySize, YuNet } from "./yunet";

let analysis: Analysis;
let files: Files;
let cards: ModelCard[];
const readers = new Map<string, Reader>();
const streams = new Map<number, Stream>();
const canvas = new OffscreenCanvas(1, 1);
const context = canvas.getContext("2d", { willReadFrequently: true, alpha: false })!;

async function open(given: Files, known: ModelCard[]): Promise<void> {
  [files, cards] = [given, known];
  useWasm(files["ort.wasm"]!);
  const network = (name: string): Promise<Network> => Network.open(new Uint8Array(files[name]!));
  const detector = new YuNet(await Network.open(ofAnySize(new Uint8Array(files["yunet.onnx"]!))));
  analysis = new Analysis(detector, await network("alignment.onnx"));
}

async function readerOf(model: string): Promise<Reader> {
  const reader =
    readers.get(model) ??
    new Reader(
      await Network.open(new Uint8Array(files[`${model}.onnx`]!)),
      cards.find(({ name }) => name === model)!,
    );
  readers.set(model, reader);
  return reader;
}

function pixels(bitmap: ImageBitmap): Picture {
  const { width, height } = bitmap;
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  context.fillStyle = "white"; // what is transparent shows white, as in Python
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { width, height, data: context.getImageData(0, 0, width, height).data };
}

async function faces(bitmap: ImageBitmap, choices: Choices, stream: number | null, time: number): Promise<Face[]> {
  const reader = await readerOf(choices.model);
  const picture = pixels(bitmap);
  if (stream !== null) {
    const found = await streamOf(stream).faces(analysis, picture, reader, choices, time);
    return found.map((each) => record(each, reader, choices, each));
  }
  const found = await analysis.read(picture, await analysis.detect(picture), reader, choices);
  return found.map((each) => record(each, reader, choices, null));
}

function streamOf(number: number): Stream {
  const stream = streams.get(number) ?? new Stream();
  streams.set(number, stream);
  return stream;
}

function record(found: FoundFace, reader: Reader, choices: Choices, tracked: Tracked | null): Face {
  const { labels } = reader;
  const byLabel = (values: number[]): Record<string, number> =>
    Object.fromEntries(labels.map((label, at) => [label, Math.fround(values[at]!)]));
  const scores = byLabel(found.scores);
  const [valence, arousal] = valenceArousal(scores);
  const { uncertain, set } = reader.judged(found.scores, found.unlike, found.quality, choices);
  return {
    track_id: tracked?.number ?? null,
    box: found.box,
    crop: found.crop,
    detector_score: found.score,
    landmarks: found.landmarks,
    interpolated: tracked?.interpolated ?? false,
    quality: found.quality.score,
    quality_reasons: found.quality.reasons,
    label: labels[found.scores.indexOf(Math.max(...found.scores))]!,
    scores,
    raw_scores: tracked && byLabel(tracked.raw),
    uncertain, // by smoothed scores in a stream, as in Python
    prediction_set: set,
    valence,
    arousal,
    ...(found.evidence && { evidence: found.evidence }),
  };
}

async function answer(asked: Asked): Promise<Face[] | undefined> {
  switch (asked.kind) {
    case "open":
      return void (await open(asked.files, asked.cards));
    case "forget":
      return void streams.delete(asked.stream);
    case "frame":
      return faces(asked.bitmap, asked.choices, asked.stream, asked.time);
  }
}

async function reply(id: number, asked: Asked): Promise<void> {
  try {
    postMessage({ id, faces: (await answer(asked)) ?? [] } satisfies Answered);
  } catch (error) {
    postMessage({ id, error: error instanceof Error ? error.message : String(error) } satisfies Answered);
  }
}

let last = Promise.resolve();

onmessage = ({ data: { id, asked } }: MessageEvent<{ id: number; asked: Asked }>) => {
  last = last.then(() => reply(id, asked)); // one after another: they share a canvas, the networks and the people
};
