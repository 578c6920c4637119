/**
 * What speaks for an expression, as colours over the face: orange for, blue against, in logits, on one scale for all
 * pictures. The colours are those of `mien.drawing.evidence`, from mien.json.
 */

import { radians } from "./geometry";
import mien from "./mien.json";
import type { Crop } from "./geometry";
import type { Evidence } from "./results";

/** Logits at which the colours end, on both sides. */
export const LIMIT = mien.evidence.limit;

/** Most pixels on a side of a face that is coloured; a larger one is enlarged. */
const MOST_PIXELS = 512;

/** The grey of the scale, as in Python. */
const SCALE_GREY = 150;

const { greys: GREYS, levels: LEVELS } = mien.evidence;
const COLOURS = Uint8Array.from(atob(mien.evidence.colours), (letter) => letter.charCodeAt(0));

/** The colour of a grey value, 0 to 255, with that evidence in logits: red, green, blue, between those of the table. */
export function coloured(grey: number, logits: number): [number, number, number] {
  const row = (grey / 255) * (GREYS - 1);
  const column = ((Math.min(Math.max(logits / LIMIT, -1), 1) + 1) / 2) * (LEVELS - 1);
  const [top, left] = [Math.min(Math.floor(row), GREYS - 2), Math.min(Math.floor(column), LEVELS - 2)];
  const [below, right] = [row - top, column - left];
  const at = (j: number, i: number, channel: number): number => COLOURS[3 * ((top + j) * LEVELS + left + i) + channel]!;
  const mixed = (channel: number): number =>
    (at(0, 0, channel) * (1 - right) + at(0, 1, channel) * right) * (1 - below) +
    (at(1, 0, channel) * (1 - right) + at(1, 1, channel) * right) * below;
  return [mixed(0), mixed(1), mixed(2)];
}

/** Colours in a row, from what speaks most against to what speaks most for. */
export const ramp = (num: number): string[] =>
  Array.from({ length: num }, (_, at) => {
    const colour = coloured(SCALE_GREY, (2 * (at / (num - 1)) - 1) * LIMIT);
    return `rgb(${colour.map(Math.round).join(" ")})`;
  });

/**
 * Draws a crop of `picture` anew, which is `width` wide in the results' pixels: grey, and coloured by the map of a label.
 * `scale` is the context's pixels for one of the results'.
 */
export function drawEvidence(
  context: CanvasRenderingContext2D, picture: CanvasImageSource, width: number, height: number,
  { x, y, side, roll }: Crop, evidence: Evidence, label: string, scale: number,
): void {
  const map = evidence.maps[label];
  if (!map) return;
  const pixels = Math.max(16, Math.min(MOST_PIXELS, Math.round(side * scale)));
  const canvas = new OffscreenCanvas(pixels, pixels);
  const face = canvas.getContext("2d", { willReadFrequently: true })!;
  const enlarged = pixels / side;
  face.translate(pixels / 2, pixels / 2);
  face.rotate(-radians(roll));
  face.drawImage(picture, -x * enlarged, -y * enlarged, width * enlarged, height * enlarged);
  const image = face.getImageData(0, 0, pixels, pixels);
  const { data } = image;
  for (let at = 0; at < pixels * pixels; at++) {
    const grey = 0.299 * data[4 * at]! + 0.587 * data[4 * at + 1]! + 0.114 * data[4 * at + 2]!;
    const [column, row] = [((at % pixels) + 0.5) / pixels, (Math.floor(at / pixels) + 0.5) / pixels];
    const colour = coloured(grey, between(map, evidence.width, evidence.height, column, row));
    for (let channel = 0; channel < 3; channel++) data[4 * at + channel] = Math.round(colour[channel]!);
  }
  face.putImageData(image, 0, 0);
  context.save();
  context.translate(x * scale, y * scale);
  context.rotate(radians(roll));
  context.imageSmoothingQuality = "high";
  context.drawImage(canvas, (-side / 2) * scale, (-side / 2) * scale, side * scale, side * scale);
  context.restore();
}

/** The scale of the colours, into a picture's lower left corner. */
export function drawScale(context: CanvasRenderingContext2D, bottom: number, unit: number): void {
  const [width, height, gap] = [180 * unit, 10 * unit, 8 * unit];
  const top = bottom - 58 * unit;
  context.fillStyle = "rgb(14 16 20 / .82)";
  context.beginPath();
  context.roundRect(gap, top, width + 3 * gap, 50 * unit, 6 * unit);
  context.fill();
  ramp(60).forEach((colour, at) => {
    context.fillStyle = colour;
    context.fillRect(2.5 * gap + (at * width) / 60, top + 22 * unit, width / 60 + 0.5, height);
  });
  context.fillStyle = "rgb(231 234 240)";
  context.font = `${12 * unit}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  const line = (words: [string, string, string], y: number): void =>
    words.forEach((word, place) => {
      context.textAlign = (["left", "center", "right"] as const)[place]!;
      context.fillText(word, 2.5 * gap + (place * width) / 2, top + y);
    });
  line(["speaks against", "", "for"], 12 * unit);
  line([`−${LIMIT}`, "0", `+${LIMIT} logits`], 42 * unit);
  context.textAlign = "left";
}

/** A map's value at a place, 0 to 1 from one edge to the other, between its four neighbours. */
function between(map: ArrayLike<number>, width: number, height: number, x: number, y: number): number {
  const column = Math.min(Math.max(x * width - 0.5, 0), width - 1);
  const row = Math.min(Math.max(y * height - 0.5, 0), height - 1);
  const [left, top] = [Math.min(Math.floor(column), width - 2), Math.min(Math.floor(row), height - 2)];
  const [u, v] = [column - left, row - top];
  const at = (i: number, j: number): number => map[(top + j) * width + left + i]!;
  return (at(0, 0) * (1 - u) + at(1, 0) * u) * (1 - v) + (at(0, 1) * (1 - u) + at(1, 1) * u) * v;
}
