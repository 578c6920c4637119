/** Downloads: the CSV and the JSON of docs/output.md, with the fields that a browser knows. */

import type { Abilities, Choices } from "./backend";
import type { Face, FrameResult } from "./results";

const PLACES = ["left", "top", "right", "bottom"] as const;

export function csv(results: FrameResult[], labels: string[]): string {
  const head = [
    "source", "frame", "time", "width", "height", "face", "track_id", ...PLACES, "crop_x", "crop_y", "crop_side", "roll",
    "detector_score", "quality", "quality_reasons", "label", ...labels, "valence", "arousal", "uncertain", "prediction_set", "error",
  ];
  const row = (result: FrameResult, face?: Face, index?: number): string =>
    [
      result.source, result.index, result.time, result.width, result.height, index, face?.track_id,
      ...PLACES.map((side) => face?.box[side]), face?.crop?.x, face?.crop?.y, face?.crop?.side, face?.crop?.roll,
      face?.detector_score, face?.quality, face?.quality_reasons.join(";"), face?.label,
      ...labels.map((label) => face?.scores[label]), face?.valence, face?.arousal, face?.uncertain.join(";"),
      face?.prediction_set?.join(";"), result.error,
    ].map(cell).join(",");
  const rows = results.flatMap((result) =>
    result.faces.length ? result.faces.map((face, index) => row(result, face, index)) : [row(result)],
  );
  return [head.join(","), ...rows, ""].join("\n");
}

function cell(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return digits(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value; // a spreadsheet would run it as a formula
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** The fewest digits that give back the same 32-bit float; times and whole numbers as they are. */
const digits = (value: number): string =>
  Number.isInteger(value) || Math.fround(value) !== value ? String(value) : String(shortest(value));

const shortest = (value: number): number => {
  for (let num = 1; num < 9; num++) {
    const short = Number(value.toPrecision(num));
    if (Math.fround(short) === value) return short;
  }
  return value;
};

export function json(results: FrameResult[], isPicture: boolean, abilities: Abilities, choices: Choices): string {
  const { detector, labels } = abilities;
  const { model, reading } = choices;
  const prior = reading === "people" && choices.prior !== "own" ? choices.prior : null;
  const frames = results.map(({ index, time, faces }) => ({ index, time, faces: faces.map(plain) }));
  const [first] = results;
  const { source, width, height } = first ?? { source: "", width: null, height: null };
  const shown = isPicture ? { faces: frames[0]?.faces ?? [] } : { frames };
  const share = (text: string, own: number | null): number | null => (text ? Number(text) : own);
  const asked = { max_error: share(choices.maxError, abilities.max_error), sets: share(choices.sets, abilities.sets) };
  const header = { format: "mien", version: 2, model, detector, labels, reading, prior, ...asked };
  const result = { source, width, height, ...shown, error: first?.error ?? null };
  return `${JSON.stringify({ ...header, results: [result], complete: true }, number, 1)}\n`;
}

const plain = ({ evidence: _, ...face }: Face): Omit<Face, "evidence"> => face;

const number = (_: string, value: unknown): unknown =>
  typeof value === "number" && !Number.isInteger(value) && Math.fround(value) === value ? shortest(value) : value;

/** Hands a file to the browser's downloads. */
export function save(content: Blob | string, type: string, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
