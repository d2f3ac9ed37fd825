import { quantitiesOf, type Measure, type Quantity } from './quantities.js';
import { writtenNumbers } from './number-words.js';

/** A rounded number may be off by this share, whatever its digits say. */
const roundingMax = 0.1;
const months = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const monthDay =
  /\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+(\d{1,2})(?:st|nd|rd|th)?(?:,?\s+(\d{4}))?\b/gi;
const dayMonth =
  /\b(\d{1,2})(?:st|nd|rd|th)?\s+(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?(?:\s+(\d{4}))?\b/gi;
const clock = /\b(\d{1,2}):(\d{2})((?::\d{2}(?:[.,]\d+)?)?)\s?(am|pm)\b/gi;
const lineReference = /\blines?\s+L?\d+(?:\s*(?:,|to|and|through|-|–)\s*L?\d+)*|\bL\d+\b/gi;
/** Names, addresses, times, dates, versions: whatever has digits and is no number by itself. */
const name = /[^\s()[\]{}"'`|=,;!?“”‘’]*\d[^\s()[\]{}"'`|=,;!?“”‘’]*/g;
/** IPv4, UTF-8, k8s, HTTP/2: what everybody knows. */
const commonName = /^[a-z][a-z/-]*\d{1,2}[a-z]{0,2}$/i;

/** What the evidence says in numbers, and what a statement may make of it. */
export class KnownNumbers {
  private readonly values: Record<Measure, number[]> = { count: [], time: [], size: [], percent: [] };
  private readonly text: string;
  /** Counts of each piece of evidence, by the lines that it names. */
  private readonly pieces: { lines: Set<number>; counts: number[] }[];

  /**
   * @param evidence as the model saw it
   * @param figures of the whole log: what a share is a share of, and how long it is in milliseconds
   * @param wish the caller's own words, whose times may be repeated
   */
  constructor(
    evidence: string,
    private readonly figures: { totals: readonly number[]; spanMs: number | undefined },
    wish = '',
  ) {
    const bare = evidence.replaceAll(lineReference, ' ');
    for (const { measure, value } of quantitiesOf(bare)) this.values[measure].push(value);
    // `status:500`, `HTTP 500:`, `pid#12`: a name and a number.
    for (const [, value] of bare.matchAll(/(?<![\d.])[A-Za-z_"'][:#/@=]\s?(\d+)(?![\w.:/-])/g))
      this.values.count.push(Number(value));
    this.values.count.push(...figures.totals);
    if (figures.spanMs !== undefined) this.values.time.push(figures.spanMs);
    this.text = `${evidence}\n${timesOf(wish)}`.toLowerCase();
    this.pieces = evidence.split(/\n(?=- )/).map((piece) => ({
      lines: new Set([...piece.matchAll(/\bL(\d+)\b/g)].map(([, line]) => Number(line))),
      counts: [...piece.matchAll(/(\d+)×/g)].map(([, count]) => Number(count)),
    }));
  }

  /**
   * How many numbers a sentence has, and whether the evidence has all of them.
   * @param cited lines that are there and that the sentence names as its proof
   */
  check(sentence: string, cited: readonly number[]): { numbers: number; isKnown: boolean } {
    const own: boolean[] = [];
    let rest = sentence.replaceAll(lineReference, (reference) => {
      own.push([...reference.matchAll(/\d+/g)].every(([line]) => this.isLine(Number(line))));
      return ' ';
    });
    rest = this.withoutDates(rest, own);
    for (const quantity of quantitiesOf(rest).toReversed()) {
      own.push(this.hasQuantity(quantity, cited));
      rest = `${rest.slice(0, quantity.from)} ${rest.slice(quantity.to)}`;
    }
    for (const [found] of rest.matchAll(name)) own.push(this.hasName(found));
    for (const { value, isVague } of writtenNumbers(rest)) {
      own.push(this.values.count.some((known) => (isVague ? known >= value : known === value)));
    }
    return { numbers: own.length, isKnown: own.every(Boolean) };
  }

  private isLine(line: number): boolean {
    return this.pieces.some(({ lines }) => lines.has(line));
  }

  private hasQuantity(quantity: Quantity, cited: readonly number[]): boolean {
    const { measure } = quantity;
    const known =
      measure === 'count'
        ? this.values.count
        : [...this.values[measure], ...(measure === 'percent' ? this.shares(cited) : [])];
    if (known.some((value) => isMeant(value, quantity))) return true;
    // The log may leave the unit out: `took 1500`.
    return measure !== 'count' && measure !== 'percent' && this.values.count.includes(quantity.value);
  }

  /** Of the log, of what the cited pieces of evidence count. */
  private shares(cited: readonly number[]): number[] {
    const counts = this.pieces
      .filter(({ lines }) => cited.some((line) => lines.has(line)))
      .flatMap((piece) => piece.counts);
    return this.figures.totals.flatMap((total) => (total === 0 ? [] : counts.map((count) => (100 * count) / total)));
  }

  private withoutDates(sentence: string, own: boolean[]): string {
    const date = (month: string, day: string, year: string | undefined) => {
      const number = String(months.indexOf(month.toLowerCase()) + 1).padStart(2, '0');
      const forms = [
        `${number}-${day.padStart(2, '0')}`,
        `${month.toLowerCase()} ${day}`,
        `${month.toLowerCase()} ${day.padStart(2)}`,
      ];
      own.push(forms.some((form) => this.has(form)) && (year === undefined || this.has(year)));
      return ' ';
    };
    return sentence
      .replaceAll(monthDay, (_, month: string, day: string, year?: string) => date(month, day, year))
      .replaceAll(dayMonth, (_, day: string, month: string, year?: string) => date(month, day, year))
      .replaceAll(clock, (_, hour: string, minute: string, rest: string, half: string) => {
        const hours = (Number(hour) % 12) + (half.toLowerCase() === 'pm' ? 12 : 0);
        own.push(this.has(`${String(hours).padStart(2, '0')}:${minute}${rest}`));
        return ' ';
      });
  }

  private hasName(found: string): boolean {
    const bare = found.replace(/^[^\w<]+|[^\w>%]+$/g, '');
    return !/\d/.test(bare) || commonName.test(bare) || this.has(bare.toLowerCase());
  }

  /** As a whole: `10:25` in `T10:25:03`, but neither `0:25` nor `25:03`. */
  private has(part: string): boolean {
    for (let at = this.text.indexOf(part); at >= 0; at = this.text.indexOf(part, at + 1)) {
      const before = this.text.slice(Math.max(0, at - 2), at);
      const isCutBefore = /\d$|\d[:.]$/.test(before) || (/[a-z]$/.test(before) && !/(?:\dt|^t)$/.test(before));
      const isCutBehind =
        /^\d/.test(this.text.slice(at + part.length)) ||
        (/[a-z]$/.test(part) && /^[a-z]/.test(this.text.slice(at + part.length)));
      if (!isCutBefore && !isCutBehind) return true;
    }
    return false;
  }
}

/** Whether a known value is what a number means: the same to the digits written, or rounded where it says so. */
function isMeant(known: number, { value, precision, hedge, measure }: Quantity): boolean {
  if (known === value) return true;
  const off = Math.abs(known - value);
  if (off > roundingMax * Math.abs(known)) return false;
  if (hedge === 'above' && known < value) return false;
  if (hedge === 'below' && known > value) return false;
  if (hedge !== undefined) return true;
  return measure !== 'count' && off <= precision;
}

/** Words of the caller count for times only. */
function timesOf(wish: string): string {
  return [...wish.matchAll(/\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?|\b\d{1,2}:\d\d(?::\d\d)?/g)]
    .map(([time]) => time)
    .join('\n');
}
