import type { Redis } from 'ioredis';
import type { Entry } from './redis.js';
import { keys } from './wire.js';

const CLAIM_COUNT = 100;
/** Between looking for a heartbeat and acting on its absence: longer, and Redis or this process has stood still. */
const DECIDE_WITHIN_MS = 300;

/**
 * Finds replicas whose heartbeat has expired and takes over what was pending for them, in one step that no two replicas can
 * both take. What had been started is not run again: whoever calls this tells its callers.
 *
 * A Redis that stood still lets heartbeats expire while their renewals, and fences, lie unread in its sockets. Whatever
 * took suspiciously long is not acted upon; the next beat looks again.
 */
export class Reaper {
  constructor(
    private readonly commands: Redis,
    private readonly service: string,
    private readonly replica: string,
  ) {}

  /** Entries of dead replicas, pending for this one now. Replicas with nothing left are removed from the group. */
  async claim(): Promise<Entry[]> {
    const requests = keys.requests(this.service);
    const claimed: Entry[] = [];
    const { dead, decideUntil } = await this.deadReplicas();
    for (const replica of dead) {
      const heartbeat = keys.heartbeat(this.service, replica);
      for (;;) {
        const entries = await this.commands.claimFromDead(
          requests,
          heartbeat,
          this.service,
          replica,
          this.replica,
          CLAIM_COUNT,
          decideUntil,
        );
        claimed.push(...entries);
        if (entries.length === 0) break;
      }
    }
    return claimed;
  }

  private async deadReplicas(): Promise<{ dead: string[]; decideUntil: number }> {
    const consumers = (await this.commands.xinfo('CONSUMERS', keys.requests(this.service), this.service)) as string[][];
    const others = consumers.flatMap(([, name]) => (name === undefined || name === this.replica ? [] : [name]));
    if (others.length === 0) return { dead: [], decideUntil: 0 };
    const askedAt = performance.now();
    const [alive, [seconds = 0, micros = 0]] = await Promise.all([
      this.commands.mget(others.map((name) => keys.heartbeat(this.service, name))),
      this.commands.time(),
    ]);
    const wasSlow = performance.now() - askedAt > DECIDE_WITHIN_MS;
    return {
      dead: wasSlow ? [] : others.filter((_, index) => alive[index] === null),
      decideUntil: Number(seconds) * 1_000 + Number(micros) / 1_000 + DECIDE_WITHIN_MS,
    };
  }
}
