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

/** The window slides in steps of a tenth: what is counted costs the same however much is called. */
const STEPS = 10;

interface Step {
  startedAt: number;
  calls: number;
  failures: number;
}

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
  private steps: Step[] = [];

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
    const step = this.currentStep();
    step.calls += 1;
    if (!failed) return;
    step.failures += 1;
    const [calls, failures] = [sumOf(this.steps, 'calls'), sumOf(this.steps, 'failures')];
    if (calls >= this.options.callsMin && failures / calls >= this.options.failureRateMax) this.become('open');
  }

  private currentStep(): Step {
    const now = this.now();
    const { windowMs } = this.options;
    const last = this.steps.at(-1);
    if (last && now - last.startedAt < windowMs / STEPS) return last;
    const step = { startedAt: now, calls: 0, failures: 0 };
    this.steps = [...this.steps.filter(({ startedAt }) => now - startedAt < windowMs), step];
    return step;
  }

  private become(state: BreakerState): void {
    this.current = state;
    this.era += 1;
    this.isProbing = false;
    this.steps = [];
    if (state === 'open') this.openedAt = this.now();
    this.onChange(state);
  }
}

function sumOf(steps: readonly Step[], field: 'calls' | 'failures'): number {
  return steps.reduce((sum, step) => sum + step[field], 0);
}
