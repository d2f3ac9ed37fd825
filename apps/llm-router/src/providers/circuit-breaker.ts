export type BreakerState = 'closed' | 'open' | 'half_open';

export interface BreakerOptions {
  /** Over how long failures are counted. */
  windowMs: number;
  /** With fewer calls than these in the window there is no rate to speak of. */
  callsMin: number;
  /** Share of failed calls that opens it, from 0 to 1. */
  failureRateMax: number;
  /** How long it stays open before one call may try. */
  openMs: number;
}

export const breakerDefaults: BreakerOptions = { windowMs: 30_000, callsMin: 5, failureRateMax: 0.5, openMs: 30_000 };

/** Leave for one call, to be given back in one of three ways; only the first one counts. */
export interface Pass {
  succeeded(): void;
  failed(): void;
  /** The call ended without a verdict: its caller left. */
  abandoned(): void;
}

/** Calls beyond these in a window tell nothing new. */
const OUTCOMES_MAX = 1_000;

/**
 * Keeps calls away from what fails: closed it lets all through; open none; half-open one at a time, whose outcome closes or
 * opens it again. What was let through before a change of state has no say after it.
 */
export class CircuitBreaker {
  private current: BreakerState = 'closed';
  private openedAt = 0;
  private isProbing = false;
  /** Changes with every change of state, so that late verdicts are told from those that count. */
  private era = 0;
  private outcomes: { at: number; failed: boolean }[] = [];

  constructor(
    private readonly onChange: (state: BreakerState) => void = () => undefined,
    private readonly options: BreakerOptions = breakerDefaults,
    private readonly now: () => number = Date.now,
  ) {}

  get state(): BreakerState {
    if (this.current === 'open' && this.now() - this.openedAt >= this.options.openMs) this.become('half_open');
    return this.current;
  }

  get isAvailable(): boolean {
    const { state } = this;
    return state === 'closed' || (state === 'half_open' && !this.isProbing);
  }

  /** Undefined when nothing may be called now. */
  admit(): Pass | undefined {
    if (!this.isAvailable) return undefined;
    if (this.current === 'half_open') this.isProbing = true;
    const { era } = this;
    let isOver = false;
    const once = (verdict: () => void) => () => {
      if (isOver) return;
      isOver = true;
      if (era === this.era) verdict();
    };
    return {
      succeeded: once(() => this.count(false)),
      failed: once(() => this.count(true)),
      abandoned: once(() => (this.isProbing = false)),
    };
  }

  /** There is a sign of life from elsewhere: an open one lets a call try now. */
  recover(): void {
    if (this.state === 'open') this.become('half_open');
  }

  private count(failed: boolean): void {
    if (this.current === 'half_open') return this.become(failed ? 'open' : 'closed');
    const now = this.now();
    this.outcomes.push({ at: now, failed });
    const since = now - this.options.windowMs;
    const isOld = (this.outcomes[0]?.at ?? now) < since || this.outcomes.length > OUTCOMES_MAX;
    if (isOld) this.outcomes = this.outcomes.filter(({ at }) => at >= since).slice(-OUTCOMES_MAX);
    if (!failed || this.outcomes.length < this.options.callsMin) return;
    const failures = this.outcomes.filter((outcome) => outcome.failed).length;
    if (failures / this.outcomes.length >= this.options.failureRateMax) this.become('open');
  }

  private become(state: BreakerState): void {
    this.current = state;
    this.era += 1;
    this.isProbing = false;
    this.outcomes = [];
    if (state === 'open') this.openedAt = this.now();
    this.onChange(state);
  }
}
