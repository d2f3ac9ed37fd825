import { AttemptTimer } from './attempt-timer.js';

const timeouts = { firstTokenMs: 100, idleMs: 50, totalMs: 400 };

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const start = (caller = new AbortController()) => ({ caller, timer: new AttemptTimer('p', timeouts, caller.signal) });

describe('an attempt is given up', () => {
  it('when no token comes in time', () => {
    const { timer } = start();
    jest.advanceTimersByTime(99);
    expect(timer.signal.aborted).toBe(false);
    jest.advanceTimersByTime(1);
    expect(timer.signal.reason).toMatchObject({ category: 'timeout', verdict: 'retry' });
  });

  it('when the next token stays away, and not while they come', () => {
    const { timer } = start();
    for (let n = 0; n < 5; n += 1) {
      timer.token();
      jest.advanceTimersByTime(49);
    }
    expect(timer.signal.aborted).toBe(false);
    jest.advanceTimersByTime(1);
    expect(timer.signal.reason).toMatchObject({ category: 'timeout' });
  });

  it('when it takes too long in all', () => {
    const { timer } = start();
    for (let n = 0; n < 10; n += 1) {
      timer.token();
      jest.advanceTimersByTime(40);
    }
    expect(timer.signal.reason.message).toContain('400 ms');
  });

  it("when its caller leaves, with the caller's reason, also one that has left before", () => {
    const { caller, timer } = start();
    caller.abort('left');
    expect(timer.signal.reason).toBe('left');
    expect(start(caller).timer.signal.reason).toBe('left');
  });

  it('never after it has ended', () => {
    const { caller, timer } = start();
    timer.stop();
    caller.abort();
    jest.advanceTimersByTime(1_000);
    expect(timer.signal.aborted).toBe(false);
    expect(jest.getTimerCount()).toBe(0);
  });
});
