import { pooledRandomBytes } from '@tollgate/observability';

const COUNTER_MAX = 0xfff;

/**
 * UUIDs of version 7 that grow within this process: milliseconds, a counter, and 62 bits that are random for the process.
 * Ids of one process cannot meet, nor those of two but by the chance of those bits. Not a secret: one tells the next.
 * RFC 9562, section 6.2, method 1 ("fixed bit-length dedicated counter").
 */
export class MessageIds {
  private readonly suffix = suffixOf(pooledRandomBytes(8));
  private prefix = '';
  private at = 0;
  private counter = 0;

  next(): string {
    const now = Date.now();
    // A clock that was set back, or a full counter, goes on from where it was.
    if (now > this.at) this.startAt(now);
    else if (this.counter === COUNTER_MAX) this.startAt(this.at + 1);
    else this.counter += 1;
    return `${this.prefix}-7${hex(this.counter, 3)}-${this.suffix}`;
  }

  private startAt(milliseconds: number): void {
    const digits = hex(milliseconds, 12);
    this.prefix = `${digits.slice(0, 8)}-${digits.slice(8)}`;
    this.at = milliseconds;
    this.counter = 0;
  }
}

function suffixOf(random: Uint8Array): string {
  random[0] = 0x80 | ((random[0] ?? 0) & 0x3f); // The variant of RFC 9562.
  const digits = Buffer.from(random).toString('hex');
  return `${digits.slice(0, 4)}-${digits.slice(4)}`;
}

function hex(value: number, length: number): string {
  return value.toString(16).padStart(length, '0');
}
