/** What a network answers of a face, as `mien.recognition.Reader`: probabilities by a reading and a prior, and maps. */

import type { Prior, Reading } from "./backend";
import mien from "./mien.json";
import type { Network } from "./network";
import type { Quality } from "./quality";
import type { Evidence } from "./results";

/** What models.json says of a network. */
export interface ModelCard {
  name: string;
  input_size: number;
  labels: string[];
  readings: Record<Reading, Head>;
  unlike: Unlike;
}

interface Head {
  /** The outputs with the logits, and with the maps whose means they are. */
  logits: string;
  maps: string;
  /** Which of their rows is each label's. */
  columns: number[];
  /** By prior; of a reading without priors "none" is the only one. */
  settings: Partial<Record<Prior | "none", Setting>>;
}

interface Setting {
  /** What is added to the labels' logits. */
  offsets: number[];
  /** An answer is unclear whose first score less `runner_up` times the second is less than `least_lead`. */
  runner_up: number;
  least_lead: number;
  /** The same by the share of wrong answers that is accepted; without those that cannot be promised. */
  least_leads: Record<string, number>;
  /** The score from which on a label is in the prediction set, by the share of the sets that hold the right one. */
  least_shares: Record<string, number>;
}

/** How unlike the training a face is, by the logits of these outputs, as `mien.recognition.unlike`. */
interface Unlike {
  outputs: string[];
  weights: number[];
  offset: number;
}

export interface Asks {
  reading: Reading;
  prior: Prior;
  evidence: boolean;
  /** A share as text, as "0.05"; "" for about nine of ten answers, "1" for all. */
  maxError: string;
  /** A share as text; "" for no sets. */
  sets: string;
}

export interface Judgement {
  /** Why the answer should not be relied on; empty when nothing speaks against it. */
  uncertain: string[];
  /** The labels that hold the right one as often as was asked, the likeliest first. */
  set: string[] | null;
}

export interface Answer {
  /** Probabilities in the order of the labels. */
  scores: number[];
  /** Above 0: the network should not be asked about what the picture shows. */
  unlike: number;
  evidence?: Evidence;
}

export class Reader {
  readonly labels: string[];

  constructor(
    private readonly network: Network,
    readonly card: ModelCard,
  ) {
    this.labels = card.labels;
  }

  /** `count` faces, one after another, each of `input_size` rows of grey bytes. */
  async read(faces: Uint8Array, count: number, { reading, prior, evidence }: Pick<Asks, "reading" | "prior" | "evidence">): Promise<Answer[]> {
    const { input_size: side, readings, unlike } = this.card;
    const { logits, maps, columns } = readings[reading];
    const { offsets } = this.setting(reading, prior);
    const outputs = await this.network.run(faces, [count, side, side], [...unlike.outputs, ...(evidence ? [maps] : [])]);
    return Array.from({ length: count }, (_, index) => {
      const row = rowOf(outputs[logits]!, index, count);
      const scores = softmax(columns.map((column, at) => row[column]! + offsets[at]!));
      const answer = { scores, unlike: unlikeness(unlike, unlike.outputs.map((name) => rowOf(outputs[name]!, index, count))) };
      if (!evidence) return answer;
      return { ...answer, evidence: this.evidence(rowOf(outputs[maps]!, index, count), row.length, columns, offsets) };
    });
  }

  /** Whether an answer should be relied on, as `mien.recognition.abstention.Abstention` judges it. */
  judged(scores: number[], unlike: number, quality: Quality, asks: Asks): Judgement {
    const { runner_up, least_shares, ...setting } = this.setting(asks.reading, asks.prior);
    const least = asks.maxError ? setting.least_leads[asks.maxError] : setting.least_lead;
    const order = scores.map((_, at) => at).sort((one, other) => scores[other]! - scores[one]! || one - other);
    const lead = scores[order[0]!]! - runner_up * scores[order[1]!]!;
    const all = asks.maxError === ALL;
    if (!all && least === undefined) throw new Error(tooFew(asks.maxError, setting.least_leads));
    const unclear = !all && lead < least!;
    const uncertain = [
      ...(unclear ? ["unclear"] : []),
      ...(!all && quality.score < mien.quality.least ? quality.reasons : []),
      ...(!all && unlike > 0 ? ["unlike the training"] : []),
    ];
    const share = least_shares[asks.sets];
    const inside = order.filter((at, rank) => rank < (unclear ? 2 : 1) || scores[at]! >= share!);
    return { uncertain, set: share === undefined ? null : inside.map((at) => this.labels[at]!) };
  }

  private setting(reading: Reading, prior: Prior): Setting {
    const { settings } = this.card.readings[reading];
    return settings[prior] ?? settings.none!;
  }

  private evidence(all: Float32Array, num: number, columns: number[], added: number[]): Evidence {
    const size = all.length / num;
    const side = Math.sqrt(size);
    const map = (column: number, at: number): Float32Array =>
      all.slice(column * size, (column + 1) * size).map((value) => value + added[at]!);
    const maps = Object.fromEntries(this.labels.map((label, at) => [label, map(columns[at]!, at)]));
    return { width: side, height: side, maps };
  }
}

/** The accepted share of wrong answers at which every face is answered. */
const ALL = "1";

function tooFew(asked: string, possible: Record<string, number>): string {
  const least = Math.min(...Object.keys(possible).map(Number));
  return `this network cannot promise that only ${100 * Number(asked)} % of its answers are wrong; at least ${100 * least} % are possible`;
}

const rowOf = (values: Float32Array, index: number, count: number): Float32Array =>
  values.subarray((index * values.length) / count, ((index + 1) * values.length) / count);

function unlikeness({ weights, offset }: Unlike, heads: Float32Array[]): number {
  const features = heads.flatMap((logits) => {
    const highest = Math.max(...logits);
    const energy = highest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0));
    return [...logits, ...logits.map((logit) => logit ** 2), energy];
  });
  return features.reduce((sum, feature, at) => sum + feature * weights[at]!, offset);
}

function softmax(logits: number[]): number[] {
  const highest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - highest));
  const sum = powers.reduce((one, other) => one + other, 0);
  return powers.map((power) => power / sum);
}
