import { eventually } from '@tollgate/testing';
import { Redis } from 'ioredis';

/** No lock may outlive its owner by more. */
const OUTLIVED_MS_MAX = 5_000;

/** The locks of chat sessions, as they stand in Redis. */
export class ChatLocks {
  private readonly redis: Redis;

  constructor(url: string) {
    this.redis = new Redis(url);
  }

  /** Who has one now. */
  async owners(): Promise<string[]> {
    const keys = await this.redis.keys('tollgate:chat:*:lock');
    const owners = keys.length > 0 ? await this.redis.mget(keys) : [];
    return owners.filter((owner) => owner !== null);
  }

  /** How many milliseconds after `since` none of them has one any more. */
  async outlived(owners: readonly string[], since: number): Promise<number> {
    const left = async () => (await this.owners()).filter((owner) => owners.includes(owner));
    await eventually(left, ({ length }) => length === 0, OUTLIVED_MS_MAX - (Date.now() - since));
    return Date.now() - since;
  }

  close(): void {
    this.redis.disconnect();
  }
}
