/** Tells a screen reader what changes, seldom: only what holds for a while, and never faster than it can be heard. */

const QUIET = 5000;
const STEADY = 1500;

export class Announcer {
  private said = "";
  private next = "";
  private since = 0;
  private last = -Infinity;

  constructor(private readonly region: HTMLElement) {}

  /** What could be said now. It is, once it has held for a while. */
  offer(words: string): void {
    const now = performance.now();
    if (words !== this.next) [this.next, this.since] = [words, now];
    if (words === this.said || now - this.since < STEADY || now - this.last < QUIET) return;
    this.say(words);
  }

  /** Says it at once: the answer to something that the user did. */
  say(words: string): void {
    [this.said, this.next, this.last] = [words, words, performance.now()];
    this.region.textContent = words;
  }
}
