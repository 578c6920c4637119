import { Fault } from "./backend";

/** A picture's pixels as they are in the file, upright. */
export async function opened(file: Blob, name: string): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image", colorSpaceConversion: "none" });
  } catch {
    throw new Fault(`${name} cannot be read as a picture by this browser.`);
  }
}
