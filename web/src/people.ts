/** The list of faces: the label of each, and a bar for every expression. Elements are kept, so that focus stays. */

import { otherThanShown } from "./drawing";
import { colourOf, GREY } from "./emotions";
import { element } from "./elements";
import { either, isUnclear, numberOf, percent, type Face, type FrameResult } from "./results";

/** Up to so many faces show their bars at once; of more, each opens by itself. */
const MOST_OPEN = 3;

interface Bar {
  row: HTMLElement;
  fill: HTMLElement;
  share: HTMLElement;
  shown: number;
}

export class People {
  private readonly cards = new Map<number, Card>();

  constructor(
    private readonly list: HTMLElement,
    private readonly select: (number: number | null) => void,
  ) {}

  /** `evidence`: the label whose evidence is drawn, as `Style` has it. */
  show(result: FrameResult | null, labels: string[], evidence: string): void {
    const faces = (result?.faces ?? []).map((face, index) => ({ face, number: numberOf(face, index) }));
    const byNumber = faces.sort((one, other) => one.number - other.number);
    for (const [number, card] of this.cards)
      if (!byNumber.some((each) => each.number === number)) {
        card.root.remove();
        this.cards.delete(number);
      }
    byNumber.forEach(({ face, number }, place) => {
      const card = this.cards.get(number) ?? this.add(number, labels, byNumber.length <= MOST_OPEN);
      if (this.list.children[place] !== card.root) this.list.insertBefore(card.root, this.list.children[place] ?? null);
      card.update(face, evidence);
    });
  }

  clear(): void {
    this.list.replaceChildren();
    this.cards.clear();
  }

  private add(number: number, labels: string[], open: boolean): Card {
    const card = new Card(number, labels, open, this.select);
    this.cards.set(number, card);
    return card;
  }
}

class Card {
  readonly root: HTMLElement;
  private readonly bars: Map<string, Bar>;
  private readonly dot = element("i", "dot");
  private readonly says = element("b", "says");
  private readonly share = element("span", "share");
  private readonly why = element("p", "why small soft");

  constructor(number: number, labels: string[], open: boolean, select: (number: number | null) => void) {
    const list = element("dl", "bars");
    this.bars = new Map(labels.map((label) => [label, bar(label, list)]));
    const summary = element("summary", "", this.dot, element("span", "who", `Face ${number}`), this.says, this.share);
    const details = element("details", "", summary, list, this.why);
    details.open = open;
    this.root = element("li", "face", details);
    this.root.dataset.number = String(number);
    for (const event of ["pointerenter", "focusin"]) this.root.addEventListener(event, () => select(number));
    for (const event of ["pointerleave", "focusout"]) this.root.addEventListener(event, () => select(null));
  }

  update(face: Face, evidence: string): void {
    const unclear = isUnclear(face);
    this.root.classList.toggle("unclear", unclear);
    this.dot.style.background = unclear ? GREY : colourOf(face.label);
    written(this.says, unclear ? "unclear" : face.label);
    written(this.share, unclear ? "" : percent(face.scores[face.label]!));
    for (const [label, { row, fill, share, shown }] of this.bars) {
      const score = face.scores[label] ?? 0;
      row.classList.toggle("inside", face.prediction_set?.includes(label) ?? false);
      if (Math.abs(score - shown) < 0.001) continue;
      this.bars.get(label)!.shown = score;
      fill.style.transform = `scaleX(${score})`;
      written(share, percent(score));
    }
    written(this.why, reasons(face, evidence));
  }
}

function reasons(face: Face, evidence: string): string {
  const likeliest = `The likeliest is ${face.label}, ${percent(face.scores[face.label]!)}.`;
  const why = face.uncertain.map((reason) => (reason === "unclear" ? "no expression leads" : reason));
  const doubts = isUnclear(face) ? `Unclear: ${why.join(", ")}. ${likeliest}` : "";
  const quality = face.quality === null ? "" : `Readable: ${Math.round(face.quality)} of 100`;
  const against = face.quality_reasons.length ? ` (${face.quality_reasons.join(", ")})` : "";
  const among = face.prediction_set ? `The set: ${either(face.prediction_set)}.` : "";
  const label = otherThanShown(face, evidence);
  const colours = label ? `The colours are the evidence for ${label}.` : "";
  return [doubts, among, colours, quality && `${quality}${against}.`].filter(Boolean).join(" ");
}

function bar(label: string, list: HTMLElement): Bar {
  const fill = element("i", "fill");
  fill.style.background = colourOf(label);
  const share = element("span", "", "0 %");
  const row = element("div", "bar", element("dt", "", label), element("dd", "", element("span", "track", fill), share));
  list.append(row);
  return { row, fill, share, shown: 0 };
}

/** Writes only what changes, so that a screen reader's place and the layout stay. */
function written(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}
