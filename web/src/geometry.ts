/** The values that flow, as `mien.values` has them: pixels, x to the right, y downward, degrees clockwise. */

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** The square that a network sees: its centre, its side, and how far its upper side is turned. */
export interface Crop {
  x: number;
  y: number;
  side: number;
  roll: number;
}

export interface Detection {
  box: Box;
  score: number;
  /** Right eye (left in the picture), left eye, tip of the nose, right and left corner of the mouth. */
  landmarks: [number, number][];
  crop: Crop;
}

/** Pixels as a canvas gives them: four bytes each, red, green, blue, and one that is ignored. */
export interface Picture {
  width: number;
  height: number;
  data: Uint8ClampedArray | Uint8Array;
}

/** A square of grey pixels, 0 black to 255 white. */
export interface Grey {
  side: number;
  data: Uint8Array;
}

export const radians = (degrees: number): number => (degrees * Math.PI) / 180;
export const degrees = (angle: number): number => (angle * 180) / Math.PI;

/** An angle as -180 to 180. */
export const wrapped = (angle: number): number => ((((angle + 180) % 360) + 360) % 360) - 180;

export const area = (box: Box): number =>
  Math.max(0, box.right - box.left) * Math.max(0, box.bottom - box.top);

export const shared = (one: Box, other: Box): number =>
  area({
    left: Math.max(one.left, other.left),
    top: Math.max(one.top, other.top),
    right: Math.min(one.right, other.right),
    bottom: Math.min(one.bottom, other.bottom),
  });

/** Intersection over union, 0 to 1. */
export const overlap = (one: Box, other: Box): number => {
  const common = shared(one, other);
  const union = area(one) + area(other) - common;
  return union > 0 ? common / union : 0;
};

/** Rounds halves to the even number, as Python's `round` and OpenCV's `cvRound` do. */
export const round = (value: number): number => {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
};

export const clamp = (value: number, least: number, most: number): number =>
  Math.min(Math.max(value, least), most);
