import { breakerDefaults, CircuitBreaker, type BreakerState, type Pass } from './circuit-breaker.js';
import type { ProviderFailure } from './provider-failure.js';

/** For a 429 that does not say how long. */
const COOL_DOWN_MS = 5_000;
/** A longer wish is cut: quotas are raised, and clocks are wrong. */
const COOL_DOWN_MS_MAX = 600_000;

/** Whether one model of one provider may be called: its breaker, and the cool-down that a 429 asked for. */
export class ModelHealth {
  private readonly breaker: CircuitBreaker;
  private coolUntil = 0;

  constructor(
    onChange?: (state: BreakerState) => void,
    private readonly now: () => number = Date.now,
  ) {
    this.breaker = new CircuitBreaker(onChange, breakerDefaults, now);
  }

  get isAvailable(): boolean {
    return this.coolingMs === 0 && this.breaker.isAvailable;
  }

  /** How long the provider does not want to be asked; 0 when it said nothing. */
  get coolingMs(): number {
    return Math.max(0, this.coolUntil - this.now());
  }

  admit(): Pass | undefined {
    return this.coolingMs === 0 ? this.breaker.admit() : undefined;
  }

  /** A refused request says nothing bad of the provider, and a 429 only how long to wait. */
  failed(pass: Pass, { category, verdict, retryAfterMs = COOL_DOWN_MS }: ProviderFailure): void {
    if (category === 'rate_limit') {
      pass.abandoned();
      const until = this.now() + Math.min(retryAfterMs, COOL_DOWN_MS_MAX);
      this.coolUntil = Math.max(this.coolUntil, until);
    } else if (verdict === 'refused') pass.succeeded();
    else pass.failed();
  }

  recover(): void {
    this.breaker.recover();
  }
}
