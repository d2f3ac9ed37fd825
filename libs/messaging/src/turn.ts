const TURN_MS = 1;

/**
 * What never waits for anything, such as a handler that has all its parts at hand, must not keep the event loop: the first
 * parts of others, and cancellations, could not pass.
 */
export class Turn {
  private endsAt = 0;

  /** The event loop has come round. */
  begin(): void {
    this.endsAt = performance.now() + TURN_MS;
  }

  /** For a millisecond the event loop has not come round, as far as anyone noticed. */
  get isOver(): boolean {
    return performance.now() > this.endsAt;
  }
}
