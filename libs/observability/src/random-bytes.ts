import { randomFillSync } from 'node:crypto';

const pool = new Uint8Array(8 * 1024);
let used = pool.length;

/**
 * Cryptographically strong random bytes, at most 8192, from a pool that is filled by one system call: ids are made for
 * every hop of every request. No byte is handed out twice.
 */
export function pooledRandomBytes(count: number): Uint8Array {
  if (used + count > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += count;
  return pool.slice(used - count, used);
}
