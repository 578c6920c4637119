/** A playing video's frames, one by one, and how many of them are analysed. */

/** Seconds over which rates are counted. */
const WINDOW = 2;

export interface Rates {
  /** Frames a second that the source gave, and that were analysed, in the last seconds. */
  shown: number;
  analysed: number;
}

export class Frames {
  private request = 0;
  private waiting = 0;
  private most = 0;
  private presented = 0;
  private begin = 0;
  private readonly given: number[] = [];
  private readonly done: number[] = [];
  /** All frames since the start. */
  count = 0;
  analysed = 0;

  /** `analyse` takes a frame and its time in seconds, and says whether it was analysed. */
  constructor(
    private readonly video: HTMLVideoElement,
    private readonly analyse: (frame: ImageBitmap, time: number) => Promise<boolean>,
  ) {}

  /** From now on; at most `most` frames wait for their answers at once, and others are passed over. */
  start(most: number, live: boolean): void {
    this.stop();
    Object.assign(this, { most, waiting: 0, presented: 0, begin: 0, count: 0, analysed: 0 });
    this.given.length = this.done.length = 0;
    const next: VideoFrameRequestCallback = (now, { presentedFrames, mediaTime }) => {
      this.request = this.video.requestVideoFrameCallback(next);
      const missed = this.presented ? presentedFrames - this.presented : 1;
      this.presented = presentedFrames;
      this.count += missed;
      for (let frame = 0; frame < missed; frame++) this.given.push(now);
      this.begin ||= now;
      if (this.waiting < this.most) void this.take(live ? (now - this.begin) / 1000 : mediaTime, this.request);
    };
    this.request = this.video.requestVideoFrameCallback(next);
  }

  stop(): void {
    this.video.cancelVideoFrameCallback(this.request);
    this.request = 0;
  }

  rates(): Rates {
    const since = performance.now() - 1000 * WINDOW;
    const rate = (times: number[]): number => {
      while (times.length && times[0]! < since) times.shift();
      return times.length / WINDOW;
    };
    return { shown: rate(this.given), analysed: rate(this.done) };
  }

  private async take(time: number, request: number): Promise<void> {
    this.waiting++;
    try {
      const analysed = await this.analyse(await createImageBitmap(this.video), time);
      if (!analysed || !this.request || request > this.request) return;
      this.analysed++;
      this.done.push(performance.now());
    } finally {
      this.waiting = Math.max(0, this.waiting - 1);
    }
  }
}
