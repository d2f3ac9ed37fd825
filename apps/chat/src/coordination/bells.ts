import { Injectable } from '@nestjs/common';
import { ChatRedis } from './chat-redis.js';

/** Rings when something was published on a channel since the last wait. */
export interface Bell {
  /** True at a ring, false after `timeoutMs`: rings are lost with a connection. Rejects when the signal aborts. */
  wait(timeoutMs: number, signal?: AbortSignal): Promise<boolean>;
  close(): void;
}

/** Redis' publish/subscribe as a wake-up call. What is new is always read from where it is kept. */
@Injectable()
export class Bells {
  private readonly listeners = new Map<string, Set<() => void>>();

  constructor(private readonly redis: ChatRedis) {
    redis.subscriber.on('message', (channel: string) => {
      for (const ring of this.listeners.get(channel) ?? []) ring();
    });
  }

  async listen(channel: string): Promise<Bell> {
    let isRung = false;
    let wake: (() => void) | undefined;
    const ring = () => {
      isRung = true;
      wake?.();
    };
    const listeners = this.listeners.get(channel) ?? new Set();
    this.listeners.set(channel, listeners.add(ring));
    if (listeners.size === 1) await this.redis.subscriber.subscribe(channel);
    return {
      wait: async (timeoutMs, signal) => {
        signal?.throwIfAborted();
        if (!isRung) await waitFor(timeoutMs, signal, (woken) => (wake = woken));
        signal?.throwIfAborted();
        const wasRung = isRung;
        isRung = false;
        return wasRung;
      },
      close: () => this.forget(channel, ring),
    };
  }

  private forget(channel: string, ring: () => void): void {
    const listeners = this.listeners.get(channel);
    listeners?.delete(ring);
    if (listeners?.size !== 0) return;
    this.listeners.delete(channel);
    this.redis.subscriber.unsubscribe(channel).catch(() => undefined); // Redis away: it has forgotten us.
  }
}

function waitFor(
  timeoutMs: number,
  signal: AbortSignal | undefined,
  onWake: (wake: () => void) => void,
): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', wake);
      resolve();
    };
    const timer = setTimeout(wake, timeoutMs);
    signal?.addEventListener('abort', wake, { once: true });
    onWake(wake);
  });
}
