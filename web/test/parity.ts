/** What the browser finds in pictures is what Python finds; web/golden.py wrote both. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";

import { Analysis } from "../src/analysis";
import type { Prior, Reading } from "../src/backend";
import { cropped } from "../src/crop";
import { coloured } from "../src/evidence";
import type { Crop, Detection, Picture } from "../src/geometry";
import { Network, useWasm } from "../src/network";
import { assess, type Quality } from "../src/quality";
import { Reader, type Judgement, type ModelCard } from "../src/reader";
import { ofAnySize, YuNet } from "../src/yunet";

const HALF_A_PIXEL = 0.5;
const HALF_A_DEGREE = 0.5;
const SCORE = 1e-3;
const UNLIKE = 1e-3; // of scores from about -12 to 5

interface Golden {
  name: string;
  width: number;
  height: number;
  faces: Detection[];
  /** Faces anywhere; `${name}.cuts` holds what Python cuts from them. */
  cuts: (Detection & { quality: Quality })[];
  read: { model: string; reading: Reading; prior: Prior; max_error?: number; sets?: number; faces: GoldenFace[] }[];
}

interface GoldenFace {
  scores: number[];
  uncertain: string[];
  set: string[] | null;
  quality: Quality;
  unlike: number;
}

const folder = process.env.MIEN_GOLDEN!;
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, name)));
const parsed = <Kind>(name: string): Kind => JSON.parse(readFileSync(join(folder, name), "utf8")) as Kind;
const { models } = parsed<{ models: ModelCard[] }>("models.json");
const readers = new Map<string, Reader>();
let analysis: Analysis;

before(async () => {
  useWasm(read("ort.wasm").buffer as ArrayBuffer);
  for (const card of models) readers.set(card.name, new Reader(await Network.open(read(`${card.name}.onnx`)), card));
  const detector = new YuNet(await Network.open(ofAnySize(read("yunet.onnx"))));
  analysis = new Analysis(detector, await Network.open(read("alignment.onnx")));
});

const near = (what: string, got: number, expected: number, most: number): void =>
  assert.ok(Math.abs(got - expected) <= most, `${what}: ${got} is not within ${most} of Python's ${expected}`);

for (const golden of parsed<Golden[]>("golden.json")) {
  const { name, width, height, faces } = golden;
  const picture = (): Picture => ({ width, height, data: read(`${name}.rgba`) });
  describe(name, () => {
    test("faces are where Python finds them", async () => {
      const found = await analysis.detect(picture());
      assert.equal(found.length, faces.length);
      found.forEach((got, index) => compare(got, faces[index]!));
    });

    test("crops are Python's, pixel by pixel", async () => {
      sameCuts(golden.cuts.map(({ crop }) => crop), read(`${name}.cuts`));
      sameCuts((await analysis.detect(picture())).map(({ crop }) => crop), read(`${name}.crops`));
    });

    test("how well a face can be read is what Python says", () => {
      const side = models[0]!.input_size;
      for (const { quality, ...face } of golden.cuts)
        sameQuality(assess(picture(), face, cropped(picture(), face.crop, side)), quality);
    });

    test("Python's crops have Python's scores", async () => {
      for (const { model, reading, prior, faces: expected } of golden.read) {
        const asks = { reading, prior, evidence: true };
        const answers = faces.length ? await readers.get(model)!.read(read(`${name}.crops`), faces.length, asks) : [];
        answers.forEach((answer, index) => {
          same(`${model}, ${reading}`, answer.scores, expected[index]!.scores);
          near("how unlike the training", answer.unlike, expected[index]!.unlike, UNLIKE);
          same("the evidence's means", scoresOf(Object.values(answer.evidence!.maps)), expected[index]!.scores);
        });
      }
    });

    function sameCuts(crops: Crop[], expected: Uint8Array): void {
      const side = models[0]!.input_size;
      crops.forEach((crop, index) => {
        const cut = expected.subarray(index * side * side, (index + 1) * side * side);
        assert.deepEqual(cropped(picture(), crop, side).data, cut, JSON.stringify(crop));
      });
    }

    test("faces have Python's scores, doubts and sets", async () => {
      const found = await analysis.detect(picture());
      for (const { model, reading, prior, max_error, sets, faces: expected } of golden.read) {
        const asks = { reading, prior, evidence: false, maxError: String(max_error ?? ""), sets: String(sets ?? "") };
        const reader = readers.get(model)!;
        (await analysis.read(picture(), found, reader, asks)).forEach((answer, index) => {
          const { scores, uncertain, set, quality } = expected[index]!;
          same(`${model}, ${reading}`, answer.scores, scores);
          sameQuality(answer.quality, quality);
          assert.deepEqual(reader.judged(answer.scores, answer.unlike, answer.quality, asks), { uncertain, set });
        });
      }
    });
  });
}

describe("what makes an answer uncertain", () => {
  const asks = { reading: "fer2013" as const, prior: "halfway" as const, evidence: false, sets: "" };
  const judged = (maxError: string, quality: Quality): Judgement =>
    readers.get(models[0]!.name)!.judged([0.4, 0.35, 0.25, 0, 0, 0, 0], 1, quality, { ...asks, maxError });
  const bad = { score: 39.9, reasons: ["dark", "small"] };

  test("comes in Python's order, and of the quality only where it is low", () => {
    assert.deepEqual(judged("", bad).uncertain, ["unclear", "dark", "small", "unlike the training"]);
    assert.deepEqual(judged("", { ...bad, score: 40 }).uncertain, ["unclear", "unlike the training"]);
  });

  test("is nothing where every answer is accepted", () => assert.deepEqual(judged("1", bad).uncertain, []));

  test("is asked for too much where no answer is so sure", () => {
    assert.throws(() => judged("0.01", bad), /at least 5 %/);
  });
});

test("evidence has Python's colours", () => {
  const golden = parsed<{ grey: number; logits: number; colour: number[] }[]>("colours.json");
  const off = golden.flatMap(({ grey, logits, colour }) =>
    coloured(grey, logits).map((got, channel) => Math.abs(got - colour[channel]!)),
  );
  near("the mean difference", off.reduce((sum, each) => sum + each, 0) / off.length, 0, 1);
  near("the largest difference, where a dark colour is beyond the screen's", Math.max(...off), 0, 16);
});

function sameQuality(got: Quality, expected: Quality): void {
  near("the quality", got.score, expected.score, 0.1001);
  assert.deepEqual(got.reasons, expected.reasons);
}

function compare(got: Detection, expected: Detection): void {
  for (const side of ["left", "top", "right", "bottom"] as const)
    near(side, got.box[side], expected.box[side], HALF_A_PIXEL);
  for (const part of ["x", "y", "side"] as const) near(part, got.crop[part], expected.crop[part], HALF_A_PIXEL);
  near("roll", got.crop.roll, expected.crop.roll, HALF_A_DEGREE);
  near("the detector's score", got.score, expected.score, SCORE);
  got.landmarks.forEach((point, at) =>
    point.forEach((place, axis) => near("a landmark", place, expected.landmarks[at]![axis]!, HALF_A_PIXEL)),
  );
}

function same(what: string, got: number[], expected: number[]): void {
  assert.equal(got.length, expected.length);
  got.forEach((score, at) => near(what, score, expected[at]!, SCORE));
}

/** The softmax of the means of maps. */
function scoresOf(maps: ArrayLike<number>[]): number[] {
  const means = maps.map((map) => Array.from(map).reduce((one, other) => one + other, 0) / map.length);
  const powers = means.map((mean) => Math.exp(mean - Math.max(...means)));
  return powers.map((power) => power / powers.reduce((one, other) => one + other, 0));
}
