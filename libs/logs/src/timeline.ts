/** Distinct buckets of a timeline; the width doubles when there would be more. */
export const bucketsMax = 4_096;

/** How often one thing happened in each bucket where it happened, in order, with the lines of its first and last. */
export interface Occurrences {
  buckets: number[];
  counts: number[];
  firstLines: number[];
  lastLines: number[];
}

interface Series extends Occurrences {
  /** The exponent that its buckets are in; it catches up with the timeline's when it is touched. */
  exponent: number;
}

export interface TimelineSnapshot {
  exponent: number;
  occupied: number[];
  series: [key: number, Occurrences][];
}

/**
 * When things happen, in memory that does not grow with the number of lines. A bucket is `floor(position / 2^exponent)`,
 * where the exponent is the smallest at which all positions together occupy at most `bucketsMax` buckets. That depends
 * only on the set of positions: order does not matter, a stray position costs one bucket, and parts merge to exactly
 * what one pass finds. Keys are small whole numbers; positions are milliseconds or line numbers.
 */
export class Timeline {
  private exponent = 0;
  private width = 1;
  private occupied = new Set<number>();
  private readonly series: (Series | undefined)[] = [];
  private lastBucket = Number.NaN;

  add(key: number, position: number, line: number): void {
    let bucket = Math.floor(position / this.width);
    if (bucket !== this.lastBucket) {
      this.occupy(bucket);
      bucket = Math.floor(position / this.width);
      this.lastBucket = bucket;
    }
    const series = this.seriesOf(key);
    const last = series.buckets.length - 1;
    if (last >= 0 && series.buckets[last] === bucket) {
      series.counts[last] = (series.counts[last] ?? 0) + 1;
      if (line > (series.lastLines[last] ?? 0)) series.lastLines[last] = line;
      else if (line < (series.firstLines[last] ?? 0)) series.firstLines[last] = line;
    } else insert(series, { bucket, count: 1, firstLine: line, lastLine: line });
  }

  /** Width of a bucket, in the unit of the positions. */
  get bucketWidth(): number {
    return this.width;
  }

  /** What was added for a key. Not to be changed. */
  occurrencesOf(key: number): Readonly<Occurrences> {
    return this.series[key] ? this.seriesOf(key) : emptySeries(this.exponent);
  }

  /** The same in the wider buckets of another timeline. */
  occurrencesIn(key: number, { exponent }: Timeline): Readonly<Occurrences> {
    const series = copyOf(this.series[key] ?? emptySeries(this.exponent));
    coarsen(series, Math.max(exponent, series.exponent));
    return series;
  }

  /** Of several keys together. */
  occurrencesOfAll(keys: readonly number[]): Readonly<Occurrences> {
    const [first, ...others] = keys;
    if (first !== undefined && others.length === 0) return this.occurrencesOf(first);
    return sumOf(keys.map((key) => this.occurrencesOf(key)));
  }

  /** Adds another timeline's occurrences under other keys. */
  merge(other: Timeline, keyOf: (otherKey: number) => number): void {
    this.raiseTo(other.exponent);
    for (const bucket of other.occupied) this.occupy(rescaled(bucket, other.exponent, this.exponent));
    other.series.forEach((series, otherKey) => {
      if (series === undefined) return;
      const scaled = copyOf(series);
      coarsen(scaled, this.exponent);
      addAll(this.seriesOf(keyOf(otherKey)), scaled);
    });
    this.lastBucket = Number.NaN;
  }

  snapshot(): TimelineSnapshot {
    const series: TimelineSnapshot['series'] = [];
    this.series.forEach((found, key) => {
      if (!found) return;
      const { buckets, counts, firstLines, lastLines } = this.seriesOf(key);
      series.push([key, { buckets, counts, firstLines, lastLines }]);
    });
    return { exponent: this.exponent, occupied: [...this.occupied], series };
  }

  static restore({ exponent, occupied, series }: TimelineSnapshot): Timeline {
    const timeline = new Timeline();
    timeline.exponent = exponent;
    timeline.width = 2 ** exponent;
    timeline.occupied = new Set(occupied);
    for (const [key, occurrences] of series) timeline.series[key] = copyOf({ ...occurrences, exponent });
    return timeline;
  }

  private seriesOf(key: number): Series {
    let series = this.series[key];
    if (series === undefined) {
      // Holes would make the array a slow dictionary; keys are numbered from 0.
      while (this.series.length < key) this.series.push(undefined);
      series = emptySeries(this.exponent);
      this.series[key] = series;
    } else if (series.exponent !== this.exponent) coarsen(series, this.exponent);
    return series;
  }

  private occupy(bucket: number): void {
    this.occupied.add(bucket);
    while (this.occupied.size > bucketsMax) this.raiseTo(this.exponent + 1);
  }

  private raiseTo(exponent: number): void {
    if (exponent <= this.exponent) return;
    const raised = new Set<number>();
    for (const bucket of this.occupied) raised.add(rescaled(bucket, this.exponent, exponent));
    this.occupied = raised;
    this.exponent = exponent;
    this.width = 2 ** exponent;
  }
}

function emptySeries(exponent: number): Series {
  return { exponent, buckets: [], counts: [], firstLines: [], lastLines: [] };
}

function copyOf({ exponent, buckets, counts, firstLines, lastLines }: Series): Series {
  return {
    exponent,
    buckets: [...buckets],
    counts: [...counts],
    firstLines: [...firstLines],
    lastLines: [...lastLines],
  };
}

function rescaled(bucket: number, from: number, to: number): number {
  return Math.floor(bucket / 2 ** (to - from));
}

interface Entry {
  bucket: number;
  count: number;
  firstLine: number;
  lastLine: number;
}

function insert({ buckets, counts, firstLines, lastLines }: Occurrences, entry: Entry): void {
  let at = buckets.length;
  while (at > 0 && (buckets[at - 1] ?? 0) >= entry.bucket) at--;
  if (buckets[at] === entry.bucket) {
    counts[at] = (counts[at] ?? 0) + entry.count;
    firstLines[at] = Math.min(firstLines[at] ?? entry.firstLine, entry.firstLine);
    lastLines[at] = Math.max(lastLines[at] ?? entry.lastLine, entry.lastLine);
  } else if (at === buckets.length) {
    buckets.push(entry.bucket);
    counts.push(entry.count);
    firstLines.push(entry.firstLine);
    lastLines.push(entry.lastLine);
  } else {
    buckets.splice(at, 0, entry.bucket);
    counts.splice(at, 0, entry.count);
    firstLines.splice(at, 0, entry.firstLine);
    lastLines.splice(at, 0, entry.lastLine);
  }
}

function sumOf(series: readonly Readonly<Occurrences>[]): Occurrences {
  const entries = series.flatMap(({ buckets, counts, firstLines, lastLines }) =>
    buckets.map((bucket, index) => {
      const count = counts[index] ?? 0;
      return { bucket, count, firstLine: firstLines[index] ?? 0, lastLine: lastLines[index] ?? 0 };
    }),
  );
  const sum: Occurrences = { buckets: [], counts: [], firstLines: [], lastLines: [] };
  for (const entry of entries.toSorted((a, b) => a.bucket - b.bucket)) insert(sum, entry);
  return sum;
}

function addAll(target: Occurrences, source: Readonly<Occurrences>): void {
  source.buckets.forEach((bucket, index) => {
    const count = source.counts[index] ?? 0;
    insert(target, { bucket, count, firstLine: source.firstLines[index] ?? 0, lastLine: source.lastLines[index] ?? 0 });
  });
}

function coarsen(series: Series, exponent: number): void {
  const fine = copyOf(series);
  const step = 2 ** (exponent - series.exponent);
  Object.assign(series, emptySeries(exponent));
  fine.buckets.forEach((bucket, index) => {
    const count = fine.counts[index] ?? 0;
    const lines = { firstLine: fine.firstLines[index] ?? 0, lastLine: fine.lastLines[index] ?? 0 };
    insert(series, { bucket: Math.floor(bucket / step), count, ...lines });
  });
}
