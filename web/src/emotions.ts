/** The expressions' colours, valence and arousal, as `mien.emotions` has them. */

import mien from "./mien.json";

const known: Record<string, { colour: number[]; place: number[] }> = mien.emotions;

/** Of what is unclear, and of labels that are none of the seven. */
export const GREY = "rgb(138 144 153)";

export const colourOf = (label: string): string => {
  const colour = known[label]?.colour;
  return colour ? `rgb(${colour.join(" ")})` : GREY;
};

/** The means of valence and arousal over the scores; none where a label is not one of the seven. */
export function valenceArousal(scores: Record<string, number>): [number, number] | [null, null] {
  const places = Object.entries(scores).map(([label, share]) => ({ share, place: known[label]?.place }));
  if (places.some(({ place }) => !place)) return [null, null];
  const mean = (axis: number): number => places.reduce((sum, { share, place }) => sum + share * place![axis]!, 0);
  return [mean(0), mean(1)];
}
