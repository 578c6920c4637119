/**
 * A stream of frames in the browser alone: who is who, and scores without jitter.
 *
 * Simpler than `mien.tracking`: between two runs of the detector faces are followed by the network that aligns them; a
 * face is the person whose last box it overlaps most; a person who was away for longer than a second gets a new number.
 * Scores are means of the logarithms over past frames whose weights fall exponentially, with the time constant and the
 * floor of `mien.tracking.smoothing`.
 */

import type { Analysis, FoundFace } from "./analysis";
import { overlap, type Box, type Detection, type Picture } from "./geometry";
import type { Asks, Reader } from "./reader";

/** Seconds between two runs of the detector while nobody is lost. */
const DETECT_EVERY = 0.2;
const LEAST_OVERLAP = 0.25;
const LONGEST_AWAY = 1;
const TIME_CONSTANT = 0.15;
const FLOOR = Math.log(1e-3);

interface Person {
  number: number;
  box: Box;
  time: number;
  logs: number[];
}

export interface Tracked extends FoundFace {
  number: number;
  /** Whether the place was followed, as the detector did not look. */
  interpolated: boolean;
  /** The scores of this frame alone. */
  raw: number[];
}

export class Stream {
  private readonly tracker = new Tracker();
  private before: Detection[] = [];
  private detected = -Infinity;

  async faces(analysis: Analysis, picture: Picture, reader: Reader, asks: Asks, time: number): Promise<Tracked[]> {
    const since = time - this.detected;
    const follows = this.before.length > 0 && since >= 0 && since < DETECT_EVERY;
    const followed = follows ? await analysis.follow(picture, this.before) : null;
    const places = followed ?? (await analysis.detect(picture));
    if (!followed) this.detected = time;
    this.before = places;
    const found = await analysis.read(picture, places, reader, asks);
    const people = this.tracker.update(found, time);
    return found.map((face, index) => ({ ...face, ...people[index]!, raw: face.scores, interpolated: followed !== null }));
  }
}

export interface Seen {
  box: Box;
  scores: number[];
}

export class Tracker {
  private people: Person[] = [];
  private last = 0;

  /** Each face's number and its smoothed scores, in the order of the faces. */
  update(faces: Seen[], time: number): { number: number; scores: number[] }[] {
    this.people = this.people.filter((person) => Math.abs(time - person.time) <= LONGEST_AWAY);
    const pairs = faces.flatMap((face, index) =>
      this.people.map((person) => ({ index, person, common: overlap(face.box, person.box) })),
    );
    const taken = new Map<number, Person>();
    for (const { index, person, common } of pairs.sort((one, other) => other.common - one.common))
      if (common >= LEAST_OVERLAP && !taken.has(index) && ![...taken.values()].includes(person)) taken.set(index, person);
    return faces.map((face, index) => this.smoothed(face, taken.get(index), time));
  }

  private smoothed(face: Seen, known: Person | undefined, time: number): { number: number; scores: number[] } {
    const logs = face.scores.map((score) => Math.max(FLOOR, Math.log(score)));
    const person = known ?? { number: ++this.last, box: face.box, time, logs };
    if (!known) this.people.push(person);
    const kept = Math.exp(-Math.abs(time - person.time) / TIME_CONSTANT);
    person.logs = known ? logs.map((log, at) => kept * person.logs[at]! + (1 - kept) * log) : logs;
    Object.assign(person, { box: face.box, time });
    const powers = person.logs.map(Math.exp);
    const sum = powers.reduce((one, other) => one + other, 0);
    return { number: person.number, scores: powers.map((power) => power / sum) };
  }
}
