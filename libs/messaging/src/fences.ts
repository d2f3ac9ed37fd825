import type { Redis } from 'ioredis';
import { CANCELLED, keys, type Envelope } from './wire.js';

/** A fence outlives its request's deadline by this, against late copies of the request. */
const FENCE_EXTRA_MS = 10_000;
/** A Redis that syncs every second may forget this much when it is killed. */
const REDIS_MAY_FORGET_MS = 3_000;

type Fenced = Pick<Envelope, 'id' | 'deadlineAt'>;

/** Two plain columns: thousands of requests a second are remembered for seconds, and maps and objects cost more than the fence. */
interface Finished {
  ids: string[];
  deadlines: number[];
}

/** A fence says that its request has been started, and by whom; nobody else starts it then. */
export class Fences {
  /** Requests that finished lately: Redis may have forgotten their fences and still hold them. */
  private recent: Finished = { ids: [], deadlines: [] };
  /** Those of the interval before. */
  private older: Finished = { ids: [], deadlines: [] };
  private recentSince = 0;

  constructor(
    private readonly commands: Redis,
    private readonly service: string,
    private readonly replica: string,
  ) {}

  /**
   * For each request: may it be started? Not if it has been before, or if its deadline has passed. The fences are written to
   * the connection before this returns.
   */
  async start(envelopes: readonly Fenced[], connection = this.commands): Promise<boolean[]> {
    const now = Date.now();
    const [first, second] = envelopes;
    if (first && !second) return [await this.startOne(first, connection, now)];
    const open = envelopes.map(({ deadlineAt }) => deadlineAt > now);
    if (!open.includes(true)) return open;
    const names = envelopes.map(({ id }) => keys.fence(this.service, id));
    const ttls = envelopes.map(({ deadlineAt }) => ttlOf(deadlineAt, now));
    const started = await connection.startRequests(names.length, ...names, this.replica, ...ttls);
    return open.map((isOpen, index) => isOpen && started[index] === 1);
  }

  /** Without a script, which costs Redis three times as much. */
  private async startOne({ id, deadlineAt }: Fenced, connection: Redis, now: number): Promise<boolean> {
    if (deadlineAt <= now) return false;
    const name = keys.fence(this.service, id);
    return (await connection.set(name, this.replica, 'PX', ttlOf(deadlineAt, now), 'NX')) !== null;
  }

  /** Puts up a fence that Redis may not have, or not any more; resolves to whether it is ours. */
  async putUpAgain({ id, deadlineAt }: Fenced): Promise<boolean> {
    const ttlMs = ttlOf(deadlineAt, Date.now());
    const owner = await this.commands.set(keys.fence(this.service, id), this.replica, 'PX', ttlMs, 'NX', 'GET');
    return owner === null || owner === this.replica;
  }

  /** After Redis was away: the fences of what has just finished. */
  async putUpFinished(): Promise<void> {
    const putUp = ({ ids, deadlines }: Finished) =>
      ids.map((id, index) => this.putUpAgain({ id, deadlineAt: deadlines[index] ?? 0 }));
    await Promise.all([...putUp(this.older), ...putUp(this.recent)]);
  }

  /** The replica that has started the request, if it was one and is dead now. */
  async deadOwner({ id }: Envelope): Promise<string | undefined> {
    const owner = await this.commands.get(keys.fence(this.service, id));
    if (owner === null || owner === this.replica || owner === CANCELLED) return undefined;
    return (await this.commands.exists(keys.heartbeat(this.service, owner))) === 0 ? owner : undefined;
  }

  /** So that an idempotent request of a dead replica may be started again. */
  async lift({ id }: Envelope): Promise<void> {
    await this.commands.del(keys.fence(this.service, id));
  }

  finished({ id, deadlineAt }: Envelope): void {
    const now = Date.now();
    if (now - this.recentSince > REDIS_MAY_FORGET_MS) {
      this.older = this.recent;
      this.recent = { ids: [], deadlines: [] };
      this.recentSince = now;
    }
    this.recent.ids.push(id);
    this.recent.deadlines.push(deadlineAt);
  }
}

function ttlOf(deadlineAt: number, now: number): number {
  return Math.max(0, Math.ceil(deadlineAt - now)) + FENCE_EXTRA_MS;
}
