/**
 * OpenCV's `resize` and `warpAffine` for bytes, to the last bit: a network sees in the browser what it sees in Python. `channels` is the distance from one pixel to the next; of four channels the last one is left alone.
 */

import { clamp, round } from "./geometry";

type Bytes = Uint8Array | Uint8ClampedArray;

export interface Plane {
  width: number;
  height: number;
  channels: 1 | 4;
  data: Bytes;
}

export type Affine = [number, number, number, number, number, number];

const { fround } = Math;

const colours = (channels: number): number => (channels === 4 ? 3 : 1);

const empty = (width: number, height: number, channels: 1 | 4): Plane => ({
  width,
  height,
  channels,
  data: new Uint8Array(width * height * channels),
});

/** INTER_AREA where the picture shrinks, INTER_LINEAR where it grows. */
export function resized(source: Plane, width: number, height: number): Plane {
  if (width === source.width && height === source.height) return source;
  return width < source.width || (width === source.width && height < source.height)
    ? shrunk(source, width, height)
    : interpolated(source, width, height);
}

/** INTER_LINEAR, with which OpenCV halves by the mean of four pixels. */
export function linear(source: Plane, width: number, height: number): Plane {
  const halves = source.width === 2 * width && source.height === 2 * height;
  return halves ? averaged(source, width, height) : interpolated(source, width, height);
}

function shrunk(source: Plane, width: number, height: number): Plane {
  if (source.width % width === 0 && source.height % height === 0) return averaged(source, width, height);
  const across = shares(source.width, width);
  const down = shares(source.height, height);
  const { channels, data } = source;
  const result = empty(width, height, channels);
  const num = colours(channels);
  const row = new Float32Array(width * num);
  for (let y = 0; y < height; y++) {
    row.fill(0);
    for (let j = down.starts[y]!; j < down.starts[y + 1]!; j++) {
      const line = down.from[j]! * source.width * channels;
      const weight = down.weights[j]!;
      for (let x = 0; x < width; x++) {
        const begin = across.starts[x]!;
        const end = across.starts[x + 1]!;
        for (let c = 0; c < num; c++) {
          let sum = 0;
          for (let i = begin; i < end; i++)
            sum = fround(sum + fround(data[line + across.from[i]! * channels + c]! * across.weights[i]!));
          row[x * num + c]! += fround(sum * weight);
        }
      }
    }
    for (let x = 0; x < width; x++)
      for (let c = 0; c < num; c++) result.data[(y * width + x) * channels + c] = clamp(round(row[x * num + c]!), 0, 255);
  }
  return result;
}

/** Each pixel is the mean of a block of whole pixels. */
function averaged(source: Plane, width: number, height: number): Plane {
  const { channels, data } = source;
  const result = empty(width, height, channels);
  const num = colours(channels);
  const [columns, rows] = [source.width / width, source.height / height];
  const line = source.width * channels;
  const share = fround(1 / (columns * rows));
  const isHalf = columns === 2 && rows === 2;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < num; c++) {
        const first = y * rows * line + x * columns * channels + c;
        let sum = 0;
        for (let j = 0; j < rows; j++)
          for (let i = 0; i < columns; i++) sum += data[first + j * line + i * channels]!;
        result.data[(y * width + x) * channels + c] = isHalf ? (sum + 2) >> 2 : round(fround(sum * share));
      }
  return result;
}

interface Shares {
  starts: Int32Array;
  from: Int32Array;
  weights: Float32Array;
}

/** Which pixels of a line each pixel of the shorter line covers, and by how much. */
function shares(length: number, shorter: number): Shares {
  const scale = 1 / (shorter / length);
  const starts = new Int32Array(shorter + 1);
  const from: number[] = [];
  const weights: number[] = [];
  const add = (place: number, weight: number): void => {
    from.push(place);
    weights.push(weight);
  };
  for (let at = 0; at < shorter; at++) {
    const begin = at * scale;
    const end = begin + scale;
    const cell = Math.min(scale, length - begin);
    const last = Math.min(Math.floor(end), length - 1);
    const first = Math.min(Math.ceil(begin), last);
    if (first - begin > 1e-3) add(first - 1, (first - begin) / cell);
    for (let place = first; place < last; place++) add(place, 1 / cell);
    if (end - last > 1e-3) add(last, Math.min(Math.min(end - last, 1), cell) / cell);
    starts[at + 1] = from.length;
  }
  return { starts, from: Int32Array.from(from), weights: Float32Array.from(weights) };
}

/** Steps of a pixel in OpenCV's fixed-point arithmetic. */
const STEPS = 2048;

function interpolated(source: Plane, width: number, height: number): Plane {
  const across = neighbours(source.width, width, true);
  const down = neighbours(source.height, height, false);
  const { channels, data } = source;
  const result = empty(width, height, channels);
  const num = colours(channels);
  const line = source.width * channels;
  for (let y = 0; y < height; y++) {
    const upper = down.near[y]! * line;
    const lower = down.far[y]! * line;
    const [above, below] = [down.ofNear[y]!, down.ofFar[y]!];
    for (let x = 0; x < width; x++) {
      const left = across.near[x]! * channels;
      const right = across.far[x]! * channels;
      const [before, after] = [across.ofNear[x]!, across.ofFar[x]!];
      for (let c = 0; c < num; c++) {
        const top = data[upper + left + c]! * before + data[upper + right + c]! * after;
        const bottom = data[lower + left + c]! * before + data[lower + right + c]! * after;
        const sum = ((above * (top >> 4)) >> 16) + ((below * (bottom >> 4)) >> 16);
        result.data[(y * width + x) * channels + c] = (sum + 2) >> 2;
      }
    }
  }
  return result;
}

interface Neighbours {
  near: Int32Array;
  far: Int32Array;
  ofNear: Int32Array;
  ofFar: Int32Array;
}

/**
 * For each pixel of the longer line the two pixels that it lies between, and their shares. Beyond the ends both are the
 * last pixel; `whole`: which then has one share, where OpenCV otherwise rounds two.
 */
function neighbours(length: number, longer: number, whole: boolean): Neighbours {
  const scale = 1 / (longer / length);
  const [near, far, ofNear, ofFar] = Array.from({ length: 4 }, () => new Int32Array(longer)) as [
    Int32Array, Int32Array, Int32Array, Int32Array,
  ];
  for (let at = 0; at < longer; at++) {
    const place = fround((at + 0.5) * scale - 0.5);
    const floor = Math.floor(place);
    near[at] = clamp(floor, 0, length - 1);
    far[at] = clamp(floor + 1, 0, length - 1);
    const rest = whole && near[at] === far[at] ? 0 : fround(place - floor);
    ofNear[at] = round(fround(1 - rest) * STEPS);
    ofFar[at] = round(rest * STEPS);
  }
  return { near, far, ofNear, ofFar };
}

/** Bits of a position's fraction, and of the products that it is summed from, in OpenCV's fixed-point arithmetic. */
const PLACE_BITS = 5;
const SUM_BITS = 10;

/**
 * What lies at `back` (x' = a·x + b·y + c, y' = d·x + e·y + f) of each pixel, between four pixels of the source.
 * Outside of the source is black, or with `replicate` its nearest pixel.
 */
export function warped(source: Plane, back: Affine, width: number, height: number, replicate: boolean): Plane {
  const { channels, data } = source;
  const result = empty(width, height, channels);
  const num = colours(channels);
  const [a, b, c, d, e, f] = back;
  const fixed = (value: number): number => round(value * 2 ** SUM_BITS);
  const half = 2 ** (SUM_BITS - PLACE_BITS - 1);
  const whole = 2 ** PLACE_BITS;
  const pixel = (x: number, y: number, colour: number): number => {
    if (x >= 0 && y >= 0 && x < source.width && y < source.height)
      return data[(y * source.width + x) * channels + colour]!;
    if (!replicate) return 0;
    const at = clamp(y, 0, source.height - 1) * source.width + clamp(x, 0, source.width - 1);
    return data[at * channels + colour]!;
  };
  for (let y = 0; y < height; y++) {
    const lineX = fixed(b * y + c) + half;
    const lineY = fixed(e * y + f) + half;
    for (let x = 0; x < width; x++) {
      const across = (lineX + fixed(a * x)) >> (SUM_BITS - PLACE_BITS);
      const down = (lineY + fixed(d * x)) >> (SUM_BITS - PLACE_BITS);
      const left = across >> PLACE_BITS;
      const top = down >> PLACE_BITS;
      const u = across & (whole - 1);
      const v = down & (whole - 1);
      for (let colour = 0; colour < num; colour++) {
        const upper = pixel(left, top, colour) * (whole - u) + pixel(left + 1, top, colour) * u;
        const lower = pixel(left, top + 1, colour) * (whole - u) + pixel(left + 1, top + 1, colour) * u;
        result.data[(y * width + x) * channels + colour] = (upper * (whole - v) + lower * v + 512) >> 10;
      }
    }
  }
  return result;
}
