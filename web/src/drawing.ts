/** Draws results over a picture: on the screen, and into the PNG that is downloaded. */

import { colourOf, GREY } from "./emotions";
import { drawEvidence } from "./evidence";
import { isUnclear, numberOf, percent, type Face, type FrameResult } from "./results";

const INK = "rgb(16 19 24)";

export interface Style {
  /** Pixels of the canvas for one of the picture. */
  scale: number;
  /** Pixels of the canvas for one of the screen's units, for lines and letters. */
  unit: number;
  left: number;
  top: number;
  /** The label whose evidence is drawn: "" for none, "leading" for each face's own. */
  evidence: string;
  /** What the faces were found in. */
  picture: CanvasImageSource;
  selected: number | null;
}

export function drawFaces(context: CanvasRenderingContext2D, result: FrameResult, style: Style): void {
  context.save();
  context.translate(style.left, style.top);
  for (const face of result.faces) {
    const label = explained(face, style.evidence);
    if (label)
      drawEvidence(context, style.picture, result.width, result.height, face.crop!, face.evidence!, label, style.scale);
  }
  const chosen = result.faces.map((face, index) => numberOf(face, index) === style.selected);
  result.faces.forEach((face, index) => {
    context.globalAlpha = chosen.includes(true) && !chosen[index] ? 0.35 : 1;
    drawBox(context, face, chosen[index]!, style);
  });
  result.faces.forEach((face, index) => {
    context.globalAlpha = chosen.includes(true) && !chosen[index] ? 0.35 : 1;
    drawTag(context, face, index, result, style);
  });
  context.restore();
}

function drawBox(context: CanvasRenderingContext2D, face: Face, chosen: boolean, { scale, unit }: Style): void {
  const { left, top, right, bottom } = face.box;
  const width = (right - left) * scale;
  const height = (bottom - top) * scale;
  const path = (): void => {
    context.beginPath();
    context.roundRect(left * scale, top * scale, width, height, Math.min(8 * unit, width / 6));
    context.stroke();
  };
  context.setLineDash([]);
  context.strokeStyle = "rgb(0 0 0 / .45)";
  context.lineWidth = (chosen ? 6 : 4) * unit;
  path();
  context.setLineDash(isUnclear(face) ? [6 * unit, 4 * unit] : []);
  context.strokeStyle = isUnclear(face) ? GREY : colourOf(face.label);
  context.lineWidth = (chosen ? 3.5 : 2) * unit;
  path();
  context.setLineDash([]);
}

/** The label whose evidence is drawn over a face, where the face's own label does not say it; else null. */
export function otherThanShown(face: Face, evidence: string): string | null {
  const label = explained(face, evidence);
  return label && (isUnclear(face) || label !== face.label) ? label : null;
}

/** So few faces always have their whole label; of more, those whose box has the room. */
const FEW = 3;

/** The label above a box, or only the number. */
function drawTag(context: CanvasRenderingContext2D, face: Face, index: number, result: FrameResult, style: Style): void {
  const { scale } = style;
  const { left, top, right } = face.box;
  const unit = style.unit * Math.min(1, Math.max(0.65, ((right - left) * scale) / (40 * style.unit)));
  const number = result.faces.length > 1 || face.track_id !== null ? `${numberOf(face, index)}` : "";
  const says = isUnclear(face) ? "unclear" : `${face.label} ${percent(face.scores[face.label]!)}`;
  context.font = `600 ${13 * unit}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  const explains = otherThanShown(face, style.evidence);
  const full = [number, says, explains && `– evidence for ${explains}`].filter(Boolean).join("  ");
  const room = (right - left) * scale;
  const fits = result.faces.length <= FEW || context.measureText(full).width < 1.5 * room;
  const text = fits ? full : number;
  const width = context.measureText(text).width + 12 * unit;
  const height = 20 * unit;
  const x = Math.max(0, Math.min(left * scale - unit, result.width * scale - width));
  const y = top * scale - height - 3 * unit < 0 ? top * scale + 3 * unit : top * scale - height - 3 * unit;
  context.fillStyle = isUnclear(face) ? GREY : colourOf(face.label);
  context.beginPath();
  context.roundRect(x, y, width, height, 5 * unit);
  context.fill();
  context.fillStyle = INK;
  context.fillText(text, x + 6 * unit, y + height / 2 + unit / 2);
}

/** The label whose evidence is drawn over a face; null where none is. */
function explained(face: Face, evidence: string): string | null {
  const label = evidence === "leading" ? face.label : evidence;
  return face.evidence && face.crop && label in face.evidence.maps ? label : null;
}
