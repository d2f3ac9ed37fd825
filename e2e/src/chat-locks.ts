import { eventually } from '@tollgate/testing';
import { Redis } from 'ioredis';

/** No lock may outlive its owner by more. */
const OUTLIVED_MS_MAX = 5_000;

/** A lock of a chat session: its key in Redis, and who has it. */
export interface HeldLock {
  key: string;
  owner: string;
}

/** The locks of chat sessions, as they stand in Redis. */
export class ChatLocks {
  private readonly redis: Redis;

  constructor(url: string) {
    this.redis = new Redis(url);
  }

  async held(): Promise<HeldLock[]> {
    const locks = await Promise.all(
      (await this.redis.keys('tollgate:chat:*:lock')).map(async (key) => ({ key, owner: await this.redis.get(key) })),
    );
    return locks.flatMap(({ key, owner }) => (owner === null ? [] : [{ key, owner }]));
  }

  /** How many milliseconds after `since` the last of these was gone that nobody renewed any more. */
  async outlived(locks: readonly HeldLock[], since: number): Promise<number> {
    const leftMs = new Map(locks.map(({ key }) => [key, Infinity]));
    let goneAt = since;
    const watch = async ({ key, owner }: HeldLock) => {
      const before = leftMs.get(key);
      if (before === undefined) return;
      const [now, ms] = await Promise.all([this.redis.get(key), this.redis.pttl(key)]);
      const isGone = now !== owner;
      if (isGone) goneAt = Date.now();
      // One that has been renewed has an owner that lives.
      if (isGone || ms > before) leftMs.delete(key);
      else leftMs.set(key, ms);
    };
    const left = async () => {
      await Promise.all(locks.map(watch));
      return leftMs.size;
    };
    await eventually(left, (size) => size === 0, OUTLIVED_MS_MAX - (Date.now() - since));
    return goneAt - since;
  }

  close(): void {
    this.redis.disconnect();
  }
}
