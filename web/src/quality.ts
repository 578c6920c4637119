/**
 * How well a face can be read, as `mien.recognition.quality` says it; that module says why each number is what it is.
 * Weights, names and thresholds are Python's own, from mien.json.
 */

import { cropped } from "./crop";
import { clamp, degrees, radians, type Crop, type Detection, type Grey, type Picture } from "./geometry";
import mien from "./mien.json";
import { resized } from "./resize";

const FACE_SIDE = 48;
const MIDDLE: Area = { top: 8, bottom: 40, left: 8, right: 40 };
const FEATURES: Area = { top: 10, bottom: 42, left: 10, right: 38 };
const CHEEKS: [Area, Area] = [
  { top: 24, bottom: 34, left: 10, right: 20 },
  { top: 24, bottom: 34, left: 28, right: 38 },
];
const BLACK = 25;
const WHITE = 247;
const CHEEK_BINS = 16;
const NO_DETAIL = 0.15;
const LEAST_GRADIENT = 10;
/** `mien.pose.NOSE`. */
const NOSE = 0.28;

export interface Quality {
  /** From 0, not at all, to 100. */
  score: number;
  reasons: string[];
}

interface Area {
  top: number;
  bottom: number;
  left: number;
  right: number;
}

type Measures = Record<string, number>;

const sigmoid = (value: number, middle: number, width: number): number => 1 / (1 + Math.exp((middle - value) / width));
const ramp = (value: number, useless: number, good: number): number => (value - useless) / (good - useless);
const angle = (turned: number): number => Math.max(0, Math.cos(radians(turned))) ** 2;
const contrast = (variance: number): number => Math.sin(Math.PI * Math.min(0.5, (60 * variance) / (60 * variance + 1)));

const SCORES: Record<string, (raw: number) => number> = {
  size: (side) => sigmoid(side, 12, 2),
  sharpness: (ratio) => ramp(ratio, 0, 0.6),
  brightness: (mean) => sigmoid(mean, 0.2, 0.05) * (1 - sigmoid(mean, 0.8, 0.05)),
  overexposure: (share) => 0.01 / (share + 0.01),
  underexposure: (share) => 1.2 * (0.832 - sigmoid(share, 0.92, 0.05)),
  contrast,
  uniformity: (share) => share ** 0.3,
  turned: angle,
  tilted: angle,
  cut_off: (share) => ramp(share, 0.4, 1),
  covered: (share) => ramp(share, 0.5, 0),
};

/** `face` is what was cut for a network, and is cut again where it is too small. */
export function assess(picture: Picture, detection: Detection, face: Grey): Quality {
  const { weights, names, least_score, least_factor } = mien.quality;
  const raws = measured(picture, detection, face);
  const counted = Object.entries(weights).flatMap(([name, weight]) => {
    const raw = raws[name];
    if (raw === undefined || weight === 0) return [];
    const share = clamp(SCORES[name]!(raw), 0, 1);
    return [{ name, share, factor: share ** weight }];
  });
  const against = counted.filter(({ share, factor }) => share < least_score || factor < least_factor);
  const called: Record<string, string> = names;
  const reasons = against.map(({ name }) => called[name] ?? causeOfCover(raws));
  const score = 100 * counted.reduce((product, { factor }) => product * factor, 1);
  return { score: Math.round(10 * score) / 10, reasons: [...new Set(reasons)] };
}

function measured(picture: Picture, { crop, landmarks }: Detection, face: Grey): Measures {
  const inside = insideOf(crop, picture);
  const raws: Measures = { size: crop.side, cut_off: inside };
  if (inside > 0) Object.assign(raws, appearance(face.side < FACE_SIDE ? cropped(picture, crop, FACE_SIDE) : face));
  const turned = yaw(landmarks);
  return { ...raws, tilted: Math.abs(crop.roll), ...(turned !== null && { turned: Math.abs(turned) }) };
}

/** The share of the level square around a crop that is inside the picture. */
function insideOf({ x, y, side }: Crop, { width, height }: Picture): number {
  const within = (centre: number, length: number): number =>
    clamp(centre + side / 2, 0, length) - clamp(centre - side / 2, 0, length);
  return (Math.max(0, within(x, width)) * Math.max(0, within(y, height))) / side ** 2;
}

function appearance(face: Grey): Measures {
  const plane = { width: face.side, height: face.side, channels: 1 as const, data: face.data };
  const grey = resized(plane, FACE_SIDE, FACE_SIDE).data;
  const middle = part(grey, MIDDLE);
  const { mean, variance } = moments(middle);
  const share = (counts: (level: number) => boolean): number => middle.filter(counts).length / middle.length;
  return {
    sharpness: variance > 0 ? moments(laplacian(middle, MIDDLE.right - MIDDLE.left)).variance / variance : 0,
    brightness: mean / 255,
    overexposure: share((level) => level >= WHITE),
    underexposure: share((level) => level <= BLACK),
    contrast: variance / 255 ** 2,
    uniformity: alike(part(grey, CHEEKS[0]), part(grey, CHEEKS[1])),
    covered: withoutDetail(grey),
  };
}

function part(grey: ArrayLike<number>, { top, bottom, left, right }: Area): number[] {
  const levels: number[] = [];
  for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) levels.push(grey[y * FACE_SIDE + x]!);
  return levels;
}

function moments(levels: number[]): { mean: number; variance: number } {
  const mean = levels.reduce((sum, level) => sum + level, 0) / levels.length;
  return { mean, variance: levels.reduce((sum, level) => sum + (level - mean) ** 2, 0) / levels.length };
}

/** The four neighbours of each pixel of a square less four times itself; mirrored at its edges. */
function laplacian(grey: number[], side: number): number[] {
  const mirror = (place: number): number => (place < 0 ? -place : place >= side ? 2 * (side - 1) - place : place);
  const at = (x: number, y: number): number => grey[mirror(y) * side + mirror(x)]!;
  return grey.map((level, place) => {
    const [x, y] = [place % side, Math.floor(place / side)];
    return at(x - 1, y) + at(x + 1, y) + at(x, y - 1) + at(x, y + 1) - 4 * level;
  });
}

/** What the histograms of two areas of one size share, 0 to 1. */
function alike(cheek: number[], other: number[]): number {
  const counts = [cheek, other].map((levels) => {
    const bins = new Array<number>(CHEEK_BINS).fill(0);
    for (const level of levels) bins[Math.floor(level / (256 / CHEEK_BINS))]!++;
    return bins;
  }) as [number[], number[]];
  return counts[0].reduce((sum, count, bin) => sum + Math.min(count, counts[1][bin]!), 0) / cheek.length;
}

/** The share of a face's features that has hardly any detail while the rest has. */
function withoutDetail(grey: ArrayLike<number>): number {
  const gradients: number[] = [];
  for (let y = FEATURES.top; y < FEATURES.bottom; y++)
    for (let x = FEATURES.left; x < FEATURES.right; x++) {
      const at = (right: number, down: number): number => grey[(y + down) * FACE_SIDE + x + right]!;
      const across = at(1, -1) + 2 * at(1, 0) + at(1, 1) - at(-1, -1) - 2 * at(-1, 0) - at(-1, 1);
      const down = at(-1, 1) + 2 * at(0, 1) + at(1, 1) - at(-1, -1) - 2 * at(0, -1) - at(1, -1);
      gradients.push(Math.abs(across) + Math.abs(down));
    }
  const median = [...gradients].sort((one, other) => one - other)[Math.floor(gradients.length / 2)]!;
  const least = Math.fround(NO_DETAIL * (median + LEAST_GRADIENT));
  return gradients.filter((gradient) => gradient < least).length / gradients.length;
}

/** What is said of a face whose features lack detail: light or contrast may have taken it, or something is before it. */
function causeOfCover(raws: Measures): string {
  const half = raws.covered! / 2;
  if (raws.overexposure! >= half || raws.brightness! > 0.8) return "bright";
  if (raws.underexposure! >= half || raws.brightness! < 0.2) return "dark";
  return contrast(raws.contrast!) < mien.quality.least_score ? "low contrast" : "covered";
}

/** How far a head is turned to the right, in degrees, as `mien.pose.yaw`; null where both eyes are at one place. */
function yaw(points: [number, number][]): number | null {
  const [right, left, nose, ...mouth] = points as [number, number][];
  const across = [left![0] - right![0], left![1] - right![1]] as const;
  const between = across[0] ** 2 + across[1] ** 2;
  if (between === 0) return null;
  const mean = (axis: 0 | 1): number => [right!, left!, ...mouth].reduce((sum, point) => sum + point[axis], 0) / 4;
  const aside = ((nose![0] - mean(0)) * across[0] + (nose![1] - mean(1)) * across[1]) / between;
  return degrees(Math.atan(aside / NOSE));
}
