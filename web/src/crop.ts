/** Cutting a face from a picture as `mien.crop` does: grey, upright, mirrored outside of the picture. */

import { clamp, radians, round, type Crop, type Grey, type Picture } from "./geometry";
import { resized, warped, type Plane } from "./resize";

/** Steps of a pixel and of a degree to which a crop is rounded, so that a float's last digit changes no pixel. */
const STEPS = 64;

export function cropped(picture: Picture, found: Crop, size: number): Grey {
  const crop = onGrid(found);
  if (crop.roll === 0) return { side: size, data: bytes(resized(greySquare(picture, crop).plane, size, size)) };
  const angle = radians(crop.roll);
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const enclosing = greySquare(picture, { ...crop, side: crop.side * (Math.abs(cos) + Math.abs(sin)) });
  // Shrunk before it is turned, to twice the size: turning looks at four pixels for each of the result.
  const full = enclosing.plane.width;
  const side = Math.max(1, Math.min(full, Math.ceil((2 * size * full) / crop.side)));
  const scale = side / full;
  const step = (crop.side * scale) / (2 * size);
  const x = (crop.x - enclosing.left) * scale;
  const y = (crop.y - enclosing.top) * scale;
  const [right, down] = [cos * step, sin * step];
  const half = size - 0.5;
  const firstX = x - (right - down) * half - 0.5; // the middle of a pixel is at a half
  const firstY = y - (down + right) * half - 0.5;
  const upright = warped(
    resized(enclosing.plane, side, side), [right, -down, firstX, down, right, firstY], 2 * size, 2 * size, true,
  );
  return { side: size, data: bytes(resized(upright, size, size)) };
}

function onGrid({ x, y, side, roll }: Crop): Crop {
  const near = (value: number): number => round(value * STEPS) / STEPS;
  return { x: near(x), y: near(y), side: Math.max(near(side), 1 / STEPS), roll: near(roll) };
}

const bytes = (plane: Plane): Uint8Array => plane.data as Uint8Array;

/** The level square around a crop's centre, its left and its top. */
function greySquare(picture: Picture, crop: Crop): { plane: Plane; left: number; top: number } {
  const { width, height, data } = picture;
  // A region much larger than the picture holds no face, and must not take memory of that size.
  const side = Math.max(1, round(Math.min(crop.side, 4 * Math.max(width, height))));
  // One that is all outside is moved to the edge, so that there is a pixel to mirror.
  const left = clamp(round(crop.x - side / 2), 1 - side, width - 1);
  const top = clamp(round(crop.y - side / 2), 1 - side, height - 1);
  const columns = mirrored(left, side, width);
  const rows = mirrored(top, side, height);
  const grey = new Uint8Array(side * side);
  for (let y = 0, to = 0; y < side; y++) {
    const line = rows[y]! * width;
    for (let x = 0; x < side; x++, to++) {
      const at = 4 * (line + columns[x]!);
      grey[to] = (9798 * data[at]! + 19235 * data[at + 1]! + 3735 * data[at + 2]! + 16384) >> 15;
    }
  }
  return { plane: { width: side, height: side, channels: 1, data: grey }, left, top };
}

/**
 * The pixels of `first`, `first + 1`, … of a line, with those outside of it mirrored (OpenCV's BORDER_REFLECT_101) at
 * the part of the line that is inside, not at the whole: that is what `crop_face` hands to `copyMakeBorder`.
 */
function mirrored(first: number, count: number, length: number): Int32Array {
  const begin = Math.max(first, 0);
  const inside = Math.min(first + count, length) - begin;
  const period = 2 * (inside - 1);
  return Int32Array.from({ length: count }, (_, index) => {
    if (inside === 1) return begin;
    const place = (((first + index - begin) % period) + period) % period;
    return begin + (place < inside ? place : period - place);
  });
}
