import { detached } from './text-hash.js';

const namesMax = 500;

/** Counts by name, of the first `namesMax` names and of the rest together. */
export class Tally {
  private readonly counts = new Map<string, number>();
  private rest = 0;

  add(name: string, count = 1): void {
    const known = this.counts.get(name);
    if (known !== undefined) this.counts.set(name, known + count);
    else if (this.counts.size < namesMax) this.counts.set(detached(name), count);
    else this.rest += count;
  }

  merge(other: TallySnapshot): void {
    for (const [name, count] of other.counts) this.add(name, count);
    this.rest += other.rest;
  }

  /** The most frequent, most frequent first. */
  top(max: number): { name: string; count: number }[] {
    const sorted = [...this.counts].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    return sorted.slice(0, max).map(([name, count]) => ({ name, count }));
  }

  snapshot(): TallySnapshot {
    return { counts: [...this.counts], rest: this.rest };
  }
}

export interface TallySnapshot {
  counts: [name: string, count: number][];
  rest: number;
}
