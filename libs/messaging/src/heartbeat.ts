import type { Logger } from '@tollgate/observability';
import type { Redis } from 'ioredis';
import { ABANDONED_AFTER_MS } from './redis.js';
import { keys } from './wire.js';

/** A replica is dead when its key has expired: dead within this, and reported within one more beat. */
export const HEARTBEAT_TTL_MS = 1_400;
export const HEARTBEAT_EVERY_MS = 350;
/** Who had trouble itself does not judge others until they have all had time to beat again. */
const GRACE_MS = 2 * HEARTBEAT_TTL_MS;
/** A key renewed no longer ago than this lives long enough for whatever is sent now to reach Redis before it expires. */
const RENEWED_WITHIN_MS = HEARTBEAT_TTL_MS / 2;

/**
 * Says that this replica lives. Idle time would not: a healthy model call of a minute looks idle.
 *
 * A frozen or restarted Redis lets all heartbeats expire at once. Every replica notices that in its own heartbeat, so
 * {@link mayJudge} keeps it from declaring the others dead.
 */
export class Heartbeat {
  private timer: NodeJS.Timeout | undefined;
  private lastBeatAt = Date.now();
  private troubleAt = 0;
  /** When the key last came to be; it has not expired since, as of the last beat. */
  private aliveSince: number | undefined;
  private renewal: Moment = { monotonic: -Infinity, wall: -Infinity };

  constructor(
    private readonly commands: Redis,
    private readonly service: string,
    private readonly replica: string,
    private readonly log: Logger,
    private readonly on: {
      beat: () => Promise<void>;
      /** The key had expired: others may have taken our requests away. */
      lapsed: () => Promise<void>;
    },
  ) {}

  async start(): Promise<void> {
    this.lastBeatAt = Date.now();
    await this.beat();
    this.timer = setInterval(() => void this.beatAndReport(), HEARTBEAT_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  get mayJudge(): boolean {
    return Date.now() - this.troubleAt > GRACE_MS;
  }

  /**
   * Nobody can have taken this replica for dead since then, nor can for another half of its key's life.
   * @param since `performance.now()` of then
   */
  isAliveSince(since: number): boolean {
    return this.aliveSince !== undefined && this.aliveSince <= since && ageOf(this.renewal) < RENEWED_WITHIN_MS;
  }

  private async beatAndReport(): Promise<void> {
    try {
      await this.beat();
      await this.on.beat();
    } catch (error) {
      this.troubleAt = Date.now();
      this.log.debug('the heartbeat failed', { err: error });
    }
  }

  private async beat(): Promise<void> {
    const sentAt = moment();
    const [before] = await Promise.all([
      this.commands.set(keys.heartbeat(this.service, this.replica), '1', 'PX', HEARTBEAT_TTL_MS, 'GET'),
      this.commands.pexpire(keys.requests(this.service), ABANDONED_AFTER_MS),
    ]);
    const now = Date.now();
    const wasLate = now - this.lastBeatAt > HEARTBEAT_TTL_MS / 2;
    const hasLapsed = this.aliveSince !== undefined && before === null;
    if (wasLate || hasLapsed) this.troubleAt = now; // This process stood still, or Redis did.
    if (before === null) this.aliveSince = performance.now();
    this.lastBeatAt = now;
    this.renewal = sentAt;
    if (hasLapsed) await this.on.lapsed();
  }
}

/** Two clocks: the monotonic one may stand still with the machine, the other may be set back. */
interface Moment {
  monotonic: number;
  wall: number;
}

function moment(): Moment {
  return { monotonic: performance.now(), wall: Date.now() };
}

function ageOf({ monotonic, wall }: Moment): number {
  return Math.max(performance.now() - monotonic, Date.now() - wall);
}
