/** Who analyses: `mien serve` (service.ts) or this very tab (local.ts). The page knows no difference. */

import type { FrameResult } from "./results";

export type Reading = "people" | "fer2013";
/** "own": as the service was started. */
export type Prior = "own" | "halfway" | "natural" | "even";

export interface Choices {
  model: string;
  reading: Reading;
  prior: Prior;
  evidence: boolean;
  /** Share of wrong answers that is accepted, as "0.05"; "" for the default, about nine of ten faces; "1" for all. */
  maxError: string;
  /** Share of the faces whose prediction set holds the right label; "" for no sets. */
  sets: string;
}

/** What can be chosen, the default first. A list of one needs no choice, and is not shown. */
export interface Abilities {
  version: string;
  detector: string;
  models: string[];
  labels: string[];
  readings: Reading[];
  priors: Prior[];
  evidence: boolean;
  /** Whether errors and sets can be chosen. */
  uncertainty: boolean;
  /** The share of wrong answers that is accepted, and that of the sets that hold the right label, where none is chosen. */
  max_error: number | null;
  sets: number | null;
}

export interface Backend {
  /** A sentence that says where pictures go. */
  readonly privacy: string;
  open(progress: (words: string) => void): Promise<Abilities>;
  picture(file: Blob, name: string, choices: Choices): Promise<FrameResult>;
  /** Frames of one camera or video, whose people keep their numbers. */
  stream(choices: Choices): Promise<FrameStream>;
}

export interface FrameStream {
  /** How many frames may wait for their answers at once. */
  readonly most: number;
  /** Takes the bitmap. Null: a newer frame came first, and this one was not analysed. */
  send(frame: ImageBitmap, time: number): Promise<FrameResult | null>;
  close(): void;
}

/** An error whose message is for people. */
export class Fault extends Error {}
