import { Logger } from '@tollgate/observability';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { CountersRedis } from './counters-redis.js';
import { limitKeys } from './limit-keys.js';
import { callsRunning } from './metrics.js';

/** A slot of a killed process is free again after this. */
export const SLOT_LEASE_MS = 10_000;
const RENEW_EVERY_MS = 3_000;

/** The calls that this process runs now; renews the leases of their slots until they end. */
@Injectable()
export class RunningCalls implements OnApplicationShutdown {
  private readonly callsOf = new Map<string, Set<string>>();
  private readonly timer = setInterval(() => void this.renew(), RENEW_EVERY_MS).unref();

  constructor(
    private readonly redis: CountersRedis,
    private readonly logger: Logger,
  ) {}

  add(accountId: string, callId: string): void {
    const calls = this.callsOf.get(accountId) ?? new Set();
    this.callsOf.set(accountId, calls.add(callId));
    callsRunning.inc();
  }

  /**
   * Resolves when Redis has been told, without its answer: the next call of the same client is behind this one, or comes later.
   * Does not throw: a slot that cannot be freed now is free when its lease ends.
   */
  async end(accountId: string, callId: string, giveBack: boolean): Promise<void> {
    // First here, then in Redis: a renewal that comes later must not bring the slot back.
    const calls = this.callsOf.get(accountId);
    if (calls?.delete(callId)) callsRunning.dec();
    if (calls?.size === 0) this.callsOf.delete(accountId);
    const { day, running } = limitKeys(accountId);
    const failed = (error: unknown) =>
      this.logger.warn('A slot could not be freed; its lease will end.', { err: error });
    await this.redis
      .tell((redis) => redis.endCall(day, running, callId, giveBack ? '1' : '0').catch(failed))
      .catch(failed);
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  private async renew(): Promise<void> {
    const renewals = [...this.callsOf].map(([accountId, calls]) =>
      this.redis.ask((redis) => redis.renewCalls(limitKeys(accountId).running, SLOT_LEASE_MS, ...calls)),
    );
    const failed = (await Promise.allSettled(renewals)).find((renewal) => renewal.status === 'rejected');
    if (failed) this.logger.warn('Slots of running calls could not be renewed.', { err: failed.reason });
  }
}
