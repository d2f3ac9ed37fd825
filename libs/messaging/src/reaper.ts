import type { Redis } from 'ioredis';
import type { Entry } from './redis.js';
import { keys } from './wire.js';

const CLAIM_COUNT = 100;

/**
 * Finds replicas whose heartbeat has expired and takes over what was pending for them, in one step that no two replicas can
 * both take. What had been started is not run again: whoever calls this tells its callers.
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
    for (const dead of await this.deadReplicas()) {
      const heartbeat = keys.heartbeat(this.service, dead);
      for (;;) {
        const entries = await this.commands.claimFromDead(
          requests,
          heartbeat,
          this.service,
          dead,
          this.replica,
          CLAIM_COUNT,
        );
        claimed.push(...entries);
        if (entries.length === 0) break;
      }
    }
    return claimed;
  }

  private async deadReplicas(): Promise<string[]> {
    const consumers = (await this.commands.xinfo('CONSUMERS', keys.requests(this.service), this.service)) as string[][];
    const others = consumers.flatMap(([, name]) => (name === undefined || name === this.replica ? [] : [name]));
    if (others.length === 0) return [];
    const alive = await this.commands.mget(others.map((name) => keys.heartbeat(this.service, name)));
    return others.filter((_, index) => alive[index] === null);
  }
}
