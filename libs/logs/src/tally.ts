import { Counter } from './counter.js';
import { detached } from './text-hash.js';

const namesMax = 500;

/** Counts by name, of the first `namesMax` names and of the rest together. */
export class Tally {
  private readonly counts = new Counter<string>();
  private rest = 0;

  add(name: string, count = 1): void {
    if (this.counts.addKnown(name, count)) return;
    if (this.counts.size < namesMax) this.counts.add(detached(name), count);
    else this.rest += count;
  }

  merge(other: TallySnapshot): void {
    for (const [name, count] of other.counts) this.add(name, count);
    this.rest += other.rest;
  }

  /** The most frequent, most frequent first. */
  top(max: number): { name: string; count: number }[] {
    const sorted = this.counts.entries().toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    return sorted.slice(0, max).map(([name, count]) => ({ name, count }));
  }

  snapshot(): TallySnapshot {
    return { counts: this.counts.entries(), rest: this.rest };
  }
}

export interface TallySnapshot {
  counts: [name: string, count: number][];
  rest: number;
}
