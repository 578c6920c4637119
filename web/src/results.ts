/** What was found in a frame, in the fields that docs/output.md describes: the service's JSON, and what the app makes. */

import type { Box, Crop } from "./geometry";

export interface Face {
  track_id: number | null;
  box: Box;
  crop: Crop | null;
  detector_score: number;
  landmarks: [number, number][] | null;
  interpolated: boolean;
  quality: number | null;
  quality_reasons: string[];
  label: string;
  scores: Record<string, number>;
  /** In a video, by this frame alone; null in a picture. */
  raw_scores: Record<string, number> | null;
  /** Why the answer should not be relied on; empty when nothing speaks against it. */
  uncertain: string[];
  /** The labels that hold the right one as often as was asked, the likeliest first; null where no sets were asked for. */
  prediction_set: string[] | null;
  valence: number | null;
  arousal: number | null;
  /** Evidence maps by label, whose means are the logits; only where they were asked for. */
  evidence?: Evidence;
}

export interface Evidence {
  width: number;
  height: number;
  /** Row by row. */
  maps: Record<string, ArrayLike<number>>;
}

export interface FrameResult {
  source: string;
  index: number;
  /** Seconds since the start of the video or of the camera. */
  time: number;
  width: number;
  height: number;
  faces: Face[];
  error: string | null;
}

/** What to call somebody: by the number that stays with a person, or by the place in the list. */
export const numberOf = (face: Face, index: number): number => face.track_id ?? index + 1;

export const isUnclear = (face: Face): boolean => face.uncertain.length > 0;

export const percent = (share: number): string => `${Math.round(100 * share)} %`;

/** "happy, sad or neutral" */
export const either = (labels: string[]): string =>
  labels.length > 1 ? `${labels.slice(0, -1).join(", ")} or ${labels.at(-1)}` : labels.join("");
