/** From a rough crop to FER2013's, by mien's own small network, as `mien.detection.alignment` does it. */

import { cropped } from "./crop";
import { degrees, radians, wrapped, type Crop, type Picture } from "./geometry";
import type { Network } from "./network";

const SIDE = 32;
const DISC = 0.68;
const SURE = 0.5;

export interface Aligned {
  crop: Crop;
  /** Whether the network knows how the face is turned. It does not where there is none. */
  sure: boolean;
}

export async function aligned(network: Network, picture: Picture, crops: Crop[]): Promise<Aligned[]> {
  if (!crops.length) return [];
  const views = new Uint8Array(crops.length * SIDE * SIDE);
  crops.forEach((crop, index) => {
    views.set(cropped(picture, { ...crop, side: DISC * crop.side }, SIDE).data, index * SIDE * SIDE);
  });
  const { corrections } = await network.run(views, [crops.length, SIDE, SIDE]);
  return crops.map((crop, index) => corrected(crop, corrections!.subarray(5 * index, 5 * index + 5)));
}

function corrected(crop: Crop, correction: Float32Array): Aligned {
  const [cosine, sine, right, down, growth] = correction as unknown as [number, number, number, number, number];
  const cos = Math.cos(radians(crop.roll));
  const sin = Math.sin(radians(crop.roll));
  const sure = Math.hypot(cosine, sine) >= SURE;
  return {
    sure,
    crop: {
      x: crop.x + crop.side * (right * cos - down * sin),
      y: crop.y + crop.side * (right * sin + down * cos),
      side: crop.side * Math.exp(growth),
      roll: wrapped(crop.roll + (sure ? degrees(Math.atan2(sine, cosine)) : 0)),
    },
  };
}
