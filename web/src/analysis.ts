/** Detect, crop, classify: `mien.Analyzer` in the browser, and what makes a stream of frames faster. */

import { aligned } from "./alignment";
import { cropped } from "./crop";
import { area, clamp, type Crop, type Detection, type Picture } from "./geometry";
import type { Network } from "./network";
import { assess, type Quality } from "./quality";
import type { Answer, Asks, Reader } from "./reader";
import type { YuNet } from "./yunet";

export interface FoundFace extends Detection, Answer {
  quality: Quality;
}

export class Analysis {
  constructor(
    private readonly detector: YuNet,
    private readonly alignment: Network,
  ) {}

  /** Where the faces of a picture are, from the largest to the smallest. */
  async detect(picture: Picture): Promise<Detection[]> {
    const found = await this.detector.detect(picture);
    const crops = await aligned(this.alignment, picture, found.map(({ crop }) => crop));
    return found.map((each, index) => ({ ...each, crop: crops[index]!.crop }));
  }

  /** Where the faces of the frame before are now; null where one of them is lost, and the detector has to look. */
  async follow(picture: Picture, before: Detection[]): Promise<Detection[] | null> {
    const crops = await aligned(this.alignment, picture, before.map(({ crop }) => crop));
    const now = before.map((each, index) => moved(each, crops[index]!.crop, picture));
    const lost = now.some((each, index) => !crops[index]!.sure || area(each.box) <= 0 || jumped(before[index]!.crop, each.crop));
    return lost ? null : now;
  }

  /** What those faces show. */
  async read(picture: Picture, found: Detection[], reader: Reader, asks: Asks): Promise<FoundFace[]> {
    if (!found.length) return [];
    const side = reader.card.input_size;
    const crops = found.map(({ crop }) => cropped(picture, crop, side));
    const faces = new Uint8Array(found.length * side * side);
    crops.forEach(({ data }, index) => faces.set(data, index * side * side));
    const answers = await reader.read(faces, found.length, asks);
    return found.map((each, index) => ({ ...each, ...answers[index]!, quality: assess(picture, each, crops[index]!) }));
  }
}

/** Most that a face moves, in sides of its crop, and that it grows or shrinks from one frame to the next. */
const FARTHEST = 0.25;
const MOST_GROWTH = 1.25;

function jumped(before: Crop, now: Crop): boolean {
  const growth = now.side / before.side;
  const distance = Math.hypot(now.x - before.x, now.y - before.y);
  return distance > FARTHEST * before.side || growth > MOST_GROWTH || growth < 1 / MOST_GROWTH;
}

/** A detection whose box and points moved as its crop did. */
function moved({ box, crop: before, landmarks, score }: Detection, crop: Crop, { width, height }: Picture): Detection {
  const growth = crop.side / before.side;
  const x = (place: number): number => crop.x + (place - before.x) * growth;
  const y = (place: number): number => crop.y + (place - before.y) * growth;
  return {
    box: {
      left: clamp(x(box.left), 0, width),
      top: clamp(y(box.top), 0, height),
      right: clamp(x(box.right), 0, width),
      bottom: clamp(y(box.bottom), 0, height),
    },
    crop,
    score,
    landmarks: landmarks.map(([across, down]) => [x(across), y(down)]),
  };
}
