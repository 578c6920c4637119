/** What each person showed over time: a lane a person, the probabilities stacked, what is unclear hatched in grey. */

import { colourOf, GREY } from "./emotions";
import { element } from "./elements";
import { isUnclear, numberOf, percent, type Face, type FrameResult } from "./results";

const MOST_LANES = 6;

/** Seconds of a camera that are shown. */
const WINDOW = 60;

/** Seconds between two frames of a person from which on there is a gap. */
const GAP = 0.6;

interface Sample {
  time: number;
  face: Face;
}

interface Lane {
  root: HTMLElement;
  canvas: HTMLCanvasElement;
  words: HTMLElement;
}

export interface Span {
  begin: number;
  end: number;
}

export class Timeline {
  private readonly samples = new Map<number, Sample[]>();
  private readonly lanes = new Map<number, Lane>();
  private latest = 0;

  constructor(
    private readonly root: HTMLElement,
    private readonly more: HTMLElement,
    private readonly axis: HTMLElement,
    private readonly seek: (time: number) => void,
  ) {}

  add(result: FrameResult): void {
    this.latest = Math.max(this.latest, result.time);
    result.faces.forEach((face, index) => {
      const { evidence: _, ...kept } = face;
      const number = numberOf(face, index);
      const samples = this.samples.get(number) ?? [];
      this.samples.set(number, samples);
      // A video that is played again replaces what was there.
      const at = samples.length && samples.at(-1)!.time >= result.time ? place(samples, result.time) : samples.length;
      samples.splice(at, samples[at]?.time === result.time ? 1 : 0, { time: result.time, face: kept });
    });
  }

  clear(): void {
    this.samples.clear();
    this.lanes.clear();
    this.root.replaceChildren();
    this.latest = 0;
  }

  get people(): number {
    return this.samples.size;
  }

  /** Draws everything anew; `duration` of a video, and null for a camera; `now` is the place that is shown. */
  draw(labels: string[], duration: number | null, now: number | null): void {
    const span = duration
      ? { begin: 0, end: duration }
      : { begin: Math.max(0, this.latest - WINDOW), end: Math.max(WINDOW, this.latest) };
    const shown = this.shown(span);
    for (const [number, lane] of this.lanes)
      if (!shown.includes(number)) {
        lane.root.remove();
        this.lanes.delete(number);
      }
    shown.forEach((number, index) => {
      const lane = this.lanes.get(number) ?? this.lane(number);
      if (this.root.children[index] !== lane.root) this.root.insertBefore(lane.root, this.root.children[index] ?? null);
      paint(lane.canvas, this.samples.get(number)!, labels, span, now);
      lane.canvas.onpointerdown = (event) => this.seek(timeAt(event, lane.canvas, span));
      lane.words.textContent = summary(this.samples.get(number)!);
    });
    const hidden = this.samples.size - shown.length;
    this.more.textContent = hidden > 0 ? `${hidden} more ${hidden === 1 ? "person" : "people"}, seen for less time or earlier.` : "";
    this.drawAxis(span);
  }

  /** The numbers of those who are in sight longest in a span, in their order. */
  private shown(span: Span): number[] {
    const counts = [...this.samples].map(([number, samples]) => ({
      number,
      count: samples.length - place(samples, span.begin),
    }));
    const most = counts.filter(({ count }) => count > 0).sort((one, other) => other.count - one.count).slice(0, MOST_LANES);
    return most.map(({ number }) => number).sort((one, other) => one - other);
  }

  private lane(number: number): Lane {
    const canvas = element("canvas", "lane");
    const words = element("span", "small soft words");
    const root = element("li", "", element("div", "name", element("b", "", `Face ${number}`), words), canvas);
    canvas.setAttribute("aria-hidden", "true"); // the words beside it say the same
    const lane = { root, canvas, words };
    this.lanes.set(number, lane);
    return lane;
  }

  private drawAxis({ begin, end }: Span): void {
    const words = [0, 0.25, 0.5, 0.75, 1].map((share) => clock(begin + share * (end - begin), end - begin < 10));
    if (this.axis.textContent === words.join("")) return;
    this.axis.replaceChildren(...words.map((word) => element("span", "", word)));
  }
}

/** The index of the first sample that is not before a time. */
function place(samples: Sample[], time: number): number {
  let [low, high] = [0, samples.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (samples[middle]!.time < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

const clock = (seconds: number, fine: boolean): string => {
  if (fine) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
};

const timeAt = (event: PointerEvent, canvas: HTMLElement, { begin, end }: Span): number =>
  begin + (event.offsetX / canvas.clientWidth) * (end - begin);

function summary(samples: Sample[]): string {
  const counts = new Map<string, number>();
  for (const { face } of samples) {
    const says = isUnclear(face) ? "unclear" : face.label;
    counts.set(says, (counts.get(says) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([, one], [, other]) => other - one).slice(0, 3);
  return sorted.map(([label, count]) => `${label} ${percent(count / samples.length)}`).join(", ");
}

function paint(canvas: HTMLCanvasElement, samples: Sample[], labels: string[], span: Span, now: number | null): void {
  const ratio = devicePixelRatio;
  const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
  if (!width || !height) return;
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d")!;
  const x = (time: number): number => ((time - span.begin) / (span.end - span.begin)) * width;
  const hatch = hatched(context, ratio);
  let drawn = -1;
  for (let at = Math.max(0, place(samples, span.begin) - 1); at < samples.length; at++) {
    const { time, face } = samples[at]!;
    const next = samples[at + 1]?.time ?? Infinity;
    const left = Math.max(Math.round(x(time)), drawn);
    const right = Math.max(left, Math.round(x(next - time > GAP ? time + 0.1 : next)));
    if (right <= drawn) continue;
    drawn = right;
    const size = Math.max(1, right - left);
    if (isUnclear(face)) {
      context.fillStyle = hatch;
      context.fillRect(left, 0, size, height);
      continue;
    }
    let bottom = height;
    for (const label of labels) {
      const share = face.scores[label]! * height;
      context.fillStyle = colourOf(label);
      context.fillRect(left, bottom - share, size, share + 0.5);
      bottom -= share;
    }
  }
  if (now !== null) {
    context.fillStyle = getComputedStyle(canvas).color;
    context.fillRect(Math.round(x(now)) - ratio, 0, 2 * ratio, height);
  }
}

function hatched(context: CanvasRenderingContext2D, ratio: number): CanvasPattern {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8 * ratio;
  const pen = tile.getContext("2d")!;
  pen.strokeStyle = GREY;
  pen.lineWidth = 1.5 * ratio;
  for (const shift of [-8, 0, 8]) {
    pen.moveTo(shift * ratio, 8 * ratio);
    pen.lineTo((shift + 8) * ratio, 0);
  }
  pen.stroke();
  return context.createPattern(tile, "repeat")!;
}
