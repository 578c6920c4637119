/**
 * YuNet (Wu, Peng and Yu 2023) as `mien.detection.yunet` searches with it: in copies of several sizes, tile by tile,
 * turned where no face is surely upright. That module says why each number is what it is.
 */

import { area, clamp, radians, round, shared, type Box, type Detection, type Picture } from "./geometry";
import type { Network } from "./network";
import { linear, warped, type Affine, type Plane } from "./resize";

const { fround } = Math;

const STRIDES = [8, 16, 32] as const;
const SAME_FACE = 0.3;
const READ_SIDE = 16;
const LEAST_SIDE = 24;
const LEAST_SHARE = 1 / 64;
const SMALL = 3;
const FINER = 1.5;
const COARSEST_SIDE = 160;
const TURNED_SIDE = 192;
const STEP = 4;
const TILE = 480;
const TILE_OVERLAP = 64;
const TILTS = [45, -45];
const TRACE = 0.3;
const TURNS = [90, -90, 180, 135, -135];
const SURE = 0.92;
const TRIMMED = 0.2;
const TURNED_SCORE = 0.8;
const SIDE = 1.1127;
const ABOVE = 0.0118;
const MIN_SCORE = 0.7;
const MAX_OVERLAP = 0.5;

/** What was found: a box, five points as x, y, x, y, …, a score, and how far the copy was turned back. */
interface Row extends Box {
  points: number[];
  score: number;
  roll: number;
}

export class YuNet {
  constructor(private readonly network: Network) {}

  /** The faces of a picture, from the largest to the smallest. Their crops are rough; `aligned` corrects them. */
  async detect(picture: Picture): Promise<Detection[]> {
    const { width, height } = picture;
    const whole: Plane = { ...picture, channels: 4 };
    const longest = Math.max(width, height);
    const smallest = Math.max(LEAST_SIDE, LEAST_SHARE * longest);
    let copies: Plane[] = [];
    for (const scale of scales(longest, smallest))
      copies.push(scaled(copies.at(-1) ?? whole, scale * longest, width, height));
    const search = (those: Plane[], turn = 0): Promise<Row[]> => this.search(those, width, height, turn);
    const coarse = copies;
    const first = await search(coarse);
    let seen = first;
    if (seen.some((row) => row.score >= MIN_SCORE && side(row) < SMALL * smallest)) {
      const finer = scaled(whole, ((FINER * READ_SIDE) / smallest) * longest, width, height);
      if (Math.max(finer.width, finer.height) > Math.max(copies[0]!.width, copies[0]!.height)) {
        seen = distinct([...seen, ...(await search([finer]))]);
        copies = [finer, ...copies];
      }
    }
    let rows = seen.filter((row) => row.score >= MIN_SCORE);
    if (seen.length === 0 || seen.some((row) => row.score < SURE)) {
      const larger = copies.at(-2) ?? copies.at(-1)!;
      const small = [scaled(larger, Math.min(TURNED_SIDE, Math.max(larger.width, larger.height)), width, height)];
      const turned: Row[] = [];
      for (const turn of TILTS) turned.push(...(await search(small, turn)));
      rows = distinct([...rows, ...turned]);
      if (!rows.some((row) => row.score >= SURE)) {
        for (const turn of TURNS) turned.push(...(await search(small, turn)));
        const asked = (upright: Row[], those: Plane[]): Promise<{ rows: Row[]; lies: boolean }> =>
          allTurnedAlike(distinct([...upright, ...turned]), (turn) => search(those, turn));
        // Asked without the finer copy, in which a photograph that lies shows faces that seem upright.
        let answer = await asked(first.filter((row) => row.score >= MIN_SCORE), coarse);
        if (!answer.lies && copies !== coarse) answer = await asked(rows, copies);
        rows = answer.rows;
      }
    }
    return merged(rows.flatMap((row) => detection(row, width, height) ?? []));
  }

  /** The faces found in copies of a picture, each turned by so many degrees, in the picture's own pixels. */
  private async search(copies: Plane[], width: number, height: number, turn: number): Promise<Row[]> {
    const least = turn ? Math.max(MIN_SCORE, TURNED_SCORE) : TRACE;
    const found: Row[] = [];
    for (const copy of copies) {
      const turned = turn ? rotated(copy, turn) : null;
      const view = turned?.view ?? copy;
      for (const tile of tiles(view))
        for (const row of await this.inTile(view, tile, least))
          found.push(stretched(turned ? mapped(row, turned.back, turn) : row, width / copy.width, height / copy.height));
    }
    return distinct(found);
  }

  /** The faces in one tile, in the pixels of the view that it is a part of, but for those that the next shows. */
  private async inTile(view: Plane, tile: Box, least: number): Promise<Row[]> {
    const rows = await this.decoded(view, tile, least);
    return rows.filter(
      (row) =>
        (row.left > tile.left + 1 || tile.left === 0) &&
        (row.top > tile.top + 1 || tile.top === 0) &&
        (row.right < tile.right - 1 || tile.right === view.width) &&
        (row.bottom < tile.bottom - 1 || tile.bottom === view.height),
    );
  }

  private async decoded(view: Plane, tile: Box, least: number): Promise<Row[]> {
    const width = 32 * Math.ceil((tile.right - tile.left) / 32);
    const height = 32 * Math.ceil((tile.bottom - tile.top) / 32);
    const outputs = await this.network.run(planes(view, tile, width, height), [1, 3, height, width]);
    const rows: Row[] = [];
    for (const stride of STRIDES) {
      const [cls, obj, bbox, kps] = (["cls", "obj", "bbox", "kps"] as const).map((kind) => outputs[`${kind}_${stride}`]!);
      const columns = width / stride;
      for (let at = 0; at < cls!.length; at++) {
        const score = fround(Math.sqrt(fround(clamp(cls![at]!, 0, 1) * clamp(obj![at]!, 0, 1))));
        if (score < least) continue;
        const [column, line] = [at % columns, Math.floor(at / columns)];
        const x = (column + bbox![4 * at]!) * stride + tile.left;
        const y = (line + bbox![4 * at + 1]!) * stride + tile.top;
        const right = (fround(Math.exp(bbox![4 * at + 2]!)) * stride) / 2;
        const down = (fround(Math.exp(bbox![4 * at + 3]!)) * stride) / 2;
        const points = Array.from({ length: 10 }, (_, index) =>
          index % 2
            ? (kps![10 * at + index]! + line) * stride + tile.top
            : (kps![10 * at + index]! + column) * stride + tile.left,
        );
        const row = { left: x - right, top: y - down, right: x + right, bottom: y + down, points, score, roll: 0 };
        if ([x, y, right, down, score, ...points].every(Number.isFinite)) rows.push(row);
      }
    }
    return rows;
  }
}

/** A tile as the network takes it: blue, green and red planes, black to the right and below. */
function planes(view: Plane, tile: Box, width: number, height: number): Float32Array {
  const input = new Float32Array(3 * width * height);
  const plane = width * height;
  for (let y = tile.top; y < tile.bottom; y++)
    for (let x = tile.left; x < tile.right; x++) {
      const from = 4 * (y * view.width + x);
      const to = (y - tile.top) * width + x - tile.left;
      input[to] = view.data[from + 2]!;
      input[plane + to] = view.data[from + 1]!;
      input[2 * plane + to] = view.data[from]!;
    }
  return input;
}

/** The scales of the copies that are searched for faces from a side on, from the finest to the coarsest. */
function scales(longest: number, smallest: number): number[] {
  const finest = READ_SIDE / smallest;
  const coarsest = Math.min(1, COARSEST_SIDE / longest);
  const steps = Math.ceil(Math.max(0, Math.log(finest / coarsest) / Math.log(STEP)) - 1e-9);
  const finer = Array.from({ length: steps }, (_, index) => finest * (coarsest / finest) ** (index / steps));
  return [...finer, coarsest];
}

/** A picture, whatever its own size, with that longer side and the proportions of `width` to `height`. */
function scaled(plane: Plane, longest: number, width: number, height: number): Plane {
  const scale = longest / Math.max(height, width);
  const [across, down] = [Math.max(1, round(width * scale)), Math.max(1, round(height * scale))];
  if (across === plane.width && down === plane.height) return plane;
  // Linearly to the size times a power of two, and halved from there.
  const halvings = Math.max(0, Math.floor(Math.log2(Math.max(plane.width, plane.height) / Math.max(across, down))));
  // A side of one pixel, which cannot shrink any more, must not grow with the powers of two.
  const [widest, highest] = [2 * Math.max(across, plane.width), 2 * Math.max(down, plane.height)];
  for (let left = halvings; left >= 0; left--)
    plane = linear(plane, Math.min(across << left, widest), Math.min(down << left, highest));
  return plane;
}

function tiles(view: Plane): Box[] {
  const columns = spans(view.width);
  return spans(view.height).flatMap(([top, bottom]) => columns.map(([left, right]) => ({ left, top, right, bottom })));
}

/** Begin and end of tiles that cover a length. */
function spans(length: number): [number, number][] {
  const num = Math.max(1, Math.ceil((length - TILE_OVERLAP) / (TILE - TILE_OVERLAP)));
  const size = Math.ceil((length + (num - 1) * TILE_OVERLAP) / num);
  return Array.from({ length: num }, (_, index) => {
    const begin = round((index * (length - size)) / Math.max(1, num - 1));
    return [begin, begin + size];
  });
}

/** The best box of each face (non-maximum suppression). */
function distinct(rows: Row[]): Row[] {
  const kept: Row[] = [];
  const size = (box: Box): number => (box.right - box.left) * (box.bottom - box.top);
  for (const row of [...rows].sort((one, other) => other.score - one.score)) {
    const repeats = (other: Row): boolean => {
      const common = shared(row, other);
      return common > SAME_FACE * (size(row) + size(other) - common);
    };
    if (!kept.some(repeats)) kept.push(row);
  }
  return kept;
}

/** A picture turned clockwise, and the map from its pixels back to the picture's. */
function rotated(plane: Plane, angle: number): { view: Plane; back: Affine } {
  const cos = Math.cos(radians(angle));
  const sin = Math.sin(radians(angle));
  const kept = 1 - TRIMMED * Math.abs(2 * sin * cos);
  const width = round(kept * (Math.abs(cos) * plane.width + Math.abs(sin) * plane.height));
  const height = round(kept * (Math.abs(sin) * plane.width + Math.abs(cos) * plane.height));
  const x = plane.width / 2 - (cos * width + sin * height) / 2;
  const y = plane.height / 2 - (-sin * width + cos * height) / 2;
  // The middle of a pixel is at a half.
  const pixels: Affine = [cos, sin, x + (cos + sin) / 2 - 0.5, -sin, cos, y + (cos - sin) / 2 - 0.5];
  return { view: warped(plane, pixels, width, height, false), back: [cos, sin, x, -sin, cos, y] };
}

/** A face of a turned copy in the pixels of the copy. Its box encloses the ellipse in the turned copy's box. */
function mapped(row: Row, [a, b, c, d, e, f]: Affine, turn: number): Row {
  const place = (x: number, y: number): [number, number] => [a * x + b * y + c, d * x + e * y + f];
  const [x, y] = place((row.left + row.right) / 2, (row.top + row.bottom) / 2);
  const cos = Math.cos(radians(turn));
  const sin = Math.sin(radians(turn));
  const [width, height] = [(row.right - row.left) / 2, (row.bottom - row.top) / 2];
  const [right, down] = [Math.hypot(width * cos, height * sin), Math.hypot(width * sin, height * cos)];
  const points = [0, 2, 4, 6, 8].flatMap((at) => place(row.points[at]!, row.points[at + 1]!));
  const box = { left: x - right, top: y - down, right: x + right, bottom: y + down };
  return { ...box, points, score: row.score, roll: row.roll - turn };
}

/** The side of the square that Haar would draw. */
const side = (box: Box): number => SIDE * Math.sqrt((box.right - box.left) * (box.bottom - box.top));

const stretched = (row: Row, x: number, y: number): Row => ({
  left: row.left * x,
  top: row.top * y,
  right: row.right * x,
  bottom: row.bottom * y,
  points: row.points.map((place, index) => place * (index % 2 ? y : x)),
  score: row.score,
  roll: row.roll,
});

/**
 * The faces of every size, where most of those that are sure were found in one turn: a photograph that lies; and
 * whether it does.
 */
async function allTurnedAlike(
  rows: Row[],
  search: (turn: number) => Promise<Row[]>,
): Promise<{ rows: Row[]; lies: boolean }> {
  const counts = new Map<number, number>();
  for (const row of rows) if (row.score >= TURNED_SCORE) counts.set(row.roll, (counts.get(row.roll) ?? 0) + 1);
  const most = Math.max(0, ...counts.values());
  const roll = Math.min(...[...counts].filter(([, count]) => count === most).map(([angle]) => angle));
  if (!counts.size || roll === 0 || TILTS.includes(roll)) return { rows, lies: false };
  const more = distinct([...rows, ...(await search(-round(roll)))]);
  if (2 * more.filter((row) => row.roll === roll).length <= more.length) return { rows: more, lies: false };
  return { rows: more.filter((row) => row.roll === roll || row.score >= TURNED_SCORE), lies: true };
}

/** One face; none where its box is outside the picture or empty. */
function detection(row: Row, width: number, height: number): Detection | null {
  const box = {
    left: clamp(row.left, 0, width),
    top: clamp(row.top, 0, height),
    right: clamp(row.right, 0, width),
    bottom: clamp(row.bottom, 0, height),
  };
  if (area(box) <= 0) return null;
  const up = ABOVE * side(row);
  const x = (row.left + row.right) / 2 + up * Math.sin(radians(row.roll));
  const y = (row.top + row.bottom) / 2 - up * Math.cos(radians(row.roll));
  const landmarks = [0, 2, 4, 6, 8].map((at): [number, number] => [row.points[at]!, row.points[at + 1]!]);
  return { box, score: Math.min(1, row.score), landmarks, crop: { x, y, side: side(row), roll: row.roll } };
}

const compared = (one: Box, other: Box): number =>
  one.left - other.left || one.top - other.top || one.right - other.right || one.bottom - other.bottom;

/** The detections without duplicates, from the largest to the smallest; of duplicates the highest score stays. */
function merged(detections: Detection[]): Detection[] {
  const kept: Detection[] = [];
  for (const each of [...detections].sort((one, other) => other.score - one.score || compared(one.box, other.box))) {
    const repeats = (other: Detection): boolean =>
      shared(each.box, other.box) / Math.min(area(each.box), area(other.box)) >= MAX_OVERLAP;
    if (!kept.some(repeats)) kept.push(each);
  }
  return kept.sort((one, other) => area(other.box) - area(one.box) || compared(one.box, other.box));
}

/**
 * YuNet's file with its picture's sides named instead of fixed at 640: two dimensions of 80 05, a varint, become h and
 * w, which take as many bytes.
 */
export function ofAnySize(file: Uint8Array): Uint8Array {
  const fixed = [0x0a, 3, 8, 0x80, 5, 0x0a, 3, 8, 0x80, 5];
  const named = [0x0a, 3, 0x12, 1, 0x68, 0x0a, 3, 0x12, 1, 0x77];
  const result = file.slice();
  const at = result.findIndex((_, start) => fixed.every((byte, index) => result[start + index] === byte));
  if (at >= 0) result.set(named, at);
  return result;
}
