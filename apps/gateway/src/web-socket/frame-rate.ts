/** A bucket of two seconds' worth of frames that fills at the allowed rate. */
export class FrameRate {
  private tokens: number;
  private filledAt: number;

  constructor(
    private readonly perSecond: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.tokens = this.max;
    this.filledAt = now();
  }

  /** False for a frame too many. */
  take(): boolean {
    const now = this.now();
    this.tokens = Math.min(this.max, this.tokens + ((now - this.filledAt) / 1_000) * this.perSecond);
    this.filledAt = now;
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }

  private get max(): number {
    return this.perSecond * 2;
  }
}
