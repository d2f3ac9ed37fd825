import { Counter } from './counter.js';

/** Steps of the histogram for each doubling of the gap: neighbours differ by 9 %. */
const stepsPerDoubling = 8;
const longestKept = 8;

export interface Gap {
  milliseconds: number;
  /** Lines of the event before the gap and of the one after it. */
  lineBefore: number;
  lineAfter: number;
  endMs: number;
}

export interface GapSnapshot {
  count: number;
  histogram: [step: number, count: number][];
  longest: Gap[];
  first: [timeMs: number, line: number];
  last: [timeMs: number, line: number];
}

/**
 * The times between one event and the next, as a histogram with the longest of them by line. Times that do not rise
 * count as no gap, and the clock goes on from the latest. Parts of a log in the order of their lines merge exactly when
 * their times rise.
 */
export class GapStatistics {
  private total = 0;
  private readonly histogram = new Counter<number>();
  private readonly longestGaps: Gap[] = [];
  private shortestKept = 0;
  private first: GapSnapshot['first'] = [Number.NaN, 0];
  private lastMs = Number.NaN;
  private lastLine = 0;
  private lastStep = Number.NaN;
  private lastGap = Number.NaN;

  add(timeMs: number, line: number): void {
    const { lastMs } = this;
    if (Number.isNaN(lastMs)) this.first = [timeMs, line];
    else this.addGap(timeMs > lastMs ? timeMs - lastMs : 0, this.lastLine, line, timeMs);
    if (timeMs < lastMs) return;
    this.lastMs = timeMs;
    this.lastLine = line;
  }

  /** Number of gaps: one less than events. */
  get count(): number {
    return this.total;
  }

  /** The longest gaps, longest first. */
  get longest(): readonly Gap[] {
    return this.longestGaps;
  }

  /** The gap, in milliseconds, that this share of all gaps does not exceed; within 9 %. */
  quantile(share: number): number {
    let remaining = Math.ceil(this.total * share);
    for (const [step, count] of this.histogram.entries().toSorted(([a], [b]) => a - b)) {
      if (remaining <= count) return step < 0 ? 0 : 2 ** ((step + remaining / count) / stepsPerDoubling);
      remaining -= count;
    }
    return 0;
  }

  /** Adds what was seen in the lines after this one's. */
  merge(other: GapStatistics): void {
    if (Number.isNaN(other.first[0])) return;
    if (Number.isNaN(this.lastMs)) this.first = [...other.first];
    else {
      const milliseconds = Math.max(0, other.first[0] - this.lastMs);
      this.addGap(milliseconds, this.lastLine, other.first[1], other.first[0]);
    }
    this.histogram.merge(other.histogram.entries());
    for (const gap of other.longestGaps) this.keepLongest({ ...gap });
    this.total += other.total;
    if (other.lastMs < this.lastMs) return;
    this.lastMs = other.lastMs;
    this.lastLine = other.lastLine;
  }

  snapshot(): GapSnapshot {
    const histogram = this.histogram.entries().toSorted(([a], [b]) => a - b);
    const last: GapSnapshot['last'] = [this.lastMs, this.lastLine];
    return { count: this.total, histogram, longest: [...this.longestGaps], first: this.first, last };
  }

  static restore(snapshot: GapSnapshot): GapStatistics {
    const statistics = new GapStatistics();
    statistics.total = snapshot.count;
    statistics.histogram.merge(snapshot.histogram);
    for (const gap of snapshot.longest) statistics.keepLongest({ ...gap });
    // NaN, which stands for "none yet", is null in JSON.
    statistics.first = [snapshot.first[0] ?? Number.NaN, snapshot.first[1]];
    statistics.lastMs = snapshot.last[0] ?? Number.NaN;
    statistics.lastLine = snapshot.last[1];
    return statistics;
  }

  private addGap(milliseconds: number, lineBefore: number, lineAfter: number, endMs: number): void {
    if (milliseconds !== this.lastGap) {
      this.lastGap = milliseconds;
      this.lastStep = stepOf(milliseconds);
    }
    this.histogram.add(this.lastStep);
    this.total++;
    if (milliseconds > this.shortestKept) this.keepLongest({ milliseconds, lineBefore, lineAfter, endMs });
  }

  private keepLongest(gap: Gap): void {
    this.longestGaps.push(gap);
    this.longestGaps.sort((a, b) => b.milliseconds - a.milliseconds || a.lineAfter - b.lineAfter);
    if (this.longestGaps.length > longestKept) this.longestGaps.pop();
    if (this.longestGaps.length === longestKept) this.shortestKept = this.longestGaps.at(-1)?.milliseconds ?? 0;
  }
}

/** Most gaps are short and whole. */
const stepsOfShort = Int16Array.from({ length: 4_096 }, (_, milliseconds) => computedStepOf(milliseconds));

function stepOf(milliseconds: number): number {
  const isShort = milliseconds === (milliseconds & 0xfff);
  return isShort ? (stepsOfShort[milliseconds] ?? 0) : computedStepOf(milliseconds);
}

function computedStepOf(milliseconds: number): number {
  return milliseconds < 1 ? -1 : Math.floor(Math.log2(milliseconds) * stepsPerDoubling);
}
