import { breakerDefaults, CircuitBreaker, type BreakerState } from './circuit-breaker.js';

let now = 0;
const seen: BreakerState[] = [];
const newBreaker = () => {
  now = 1_000_000;
  seen.length = 0;
  return new CircuitBreaker(
    (state) => seen.push(state),
    breakerDefaults,
    () => now,
  );
};

function call(breaker: CircuitBreaker, outcome: 'succeeded' | 'failed' | 'abandoned', times = 1): void {
  for (let n = 0; n < times; n += 1) breaker.admit()?.[outcome]();
}

describe('a circuit breaker', () => {
  it('opens when half of at least five calls failed, and then admits nobody', () => {
    const breaker = newBreaker();
    call(breaker, 'failed', 4);
    expect(breaker.state).toBe('closed');
    call(breaker, 'failed');
    expect(breaker.state).toBe('open');
    expect(breaker.isAvailable).toBe(false);
    expect(breaker.admit()).toBeUndefined();
  });

  it('stays closed below that rate, and forgets what is older than its window', () => {
    const breaker = newBreaker();
    call(breaker, 'succeeded', 6);
    call(breaker, 'failed', 5);
    expect(breaker.state).toBe('closed');
    now += breakerDefaults.windowMs + 1;
    call(breaker, 'failed', 4);
    expect(breaker.state).toBe('closed');
    call(breaker, 'failed');
    expect(breaker.state).toBe('open');
  });

  it('lets one call try when its time is over, and that one decides', () => {
    const breaker = newBreaker();
    call(breaker, 'failed', 5);
    now += breakerDefaults.openMs;
    const probe = breaker.admit();
    expect(breaker.state).toBe('half_open');
    expect(breaker.admit()).toBeUndefined();
    probe?.failed();
    expect(breaker.state).toBe('open');
    now += breakerDefaults.openMs;
    call(breaker, 'succeeded');
    expect(breaker.state).toBe('closed');
    expect(seen).toEqual(['open', 'half_open', 'open', 'half_open', 'closed']);
  });

  it('lets another one try when the first one left without a verdict', () => {
    const breaker = newBreaker();
    call(breaker, 'failed', 5);
    breaker.recover();
    call(breaker, 'abandoned');
    expect(breaker.isAvailable).toBe(true);
  });

  it('hears no verdict from before it opened, and of each call only the first', () => {
    const breaker = newBreaker();
    const late = breaker.admit();
    const other = breaker.admit();
    call(breaker, 'failed', 5);
    now += breakerDefaults.openMs;
    const probe = breaker.admit();
    late?.failed();
    other?.succeeded();
    expect(breaker.state).toBe('half_open');
    expect(breaker.isAvailable).toBe(false);
    probe?.succeeded();
    probe?.failed();
    expect(breaker.state).toBe('closed');
  });
});
