/** What a number counts: milliseconds, bytes, parts of a hundred, or things. */
export type Measure = 'count' | 'time' | 'size' | 'percent';

export interface Quantity {
  /** In milliseconds or bytes where it is a time or a size. */
  value: number;
  measure: Measure;
  /** Half of the last digit that is written, in the same unit: 1.5 s is 1,450 to 1,550 ms. */
  precision: number;
  /** "about", "nearly" and the like stand before it: more, less, or either. */
  hedge: 'about' | 'above' | 'below' | undefined;
}

const unitsOf: Record<Exclude<Measure, 'count'>, [RegExp, number][]> = {
  time: [
    [/^(?:ms|msecs?|milliseconds?)$/i, 1],
    [/^(?:s|secs?|seconds?)$/i, 1_000],
    [/^(?:m|mins?|minutes?)$/i, 60_000],
    [/^(?:h|hrs?|hours?)$/i, 3_600_000],
    [/^(?:d|days?)$/i, 86_400_000],
  ],
  size: [
    [/^(?:b|bytes?)$/i, 1],
    [/^(?:kb|kib|kilobytes?)$/i, 1_024],
    [/^(?:mb|mib|megabytes?)$/i, 1_024 ** 2],
    [/^(?:gb|gib|gigabytes?)$/i, 1_024 ** 3],
  ],
  percent: [[/^(?:%|percent)$/i, 1]],
};
const scalesOf: [RegExp, number][] = [
  [/^(?:k|thousand)$/i, 1_000],
  [/^million$/i, 1_000_000],
];

const hedges: [RegExp, NonNullable<Quantity['hedge']>][] = [
  [/(?:about|around|approximately|approx\.?|roughly|circa|some|[~≈])\s*$/i, 'about'],
  [/(?:over|more than|above|at least|exceed(?:s|ed|ing)?)\s*$/i, 'above'],
  [/(?:nearly|almost|under|less than|below|up to|at most|close to)\s*$/i, 'below'],
];

/** A number by itself, with what is written behind it; no part of a name, time, date, address or version. */
const number =
  /(?<![\w.:/@#<,-]|\d[-–])[-+]?(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?(?:(\s?)(%|×|[A-Za-z]+))?(?![\w]|[.:/@,-]\w|[.,]\d)/g;
const ordinal = /^(?:st|nd|rd|th|x|times|×)$/i;

/** The numbers of a text with their units, and where each stands. */
export function quantitiesOf(text: string): (Quantity & { from: number; to: number })[] {
  return [...text.matchAll(number)].flatMap((match) => {
    const [all, whole = '', fraction = '', space = '', word] = match;
    const unit = unitOf(word);
    const isGlued = word !== undefined && space === '' && !unit && !ordinal.test(word);
    if (isGlued) return [];
    const scale = unit?.scale ?? 1;
    const before = text.slice(Math.max(0, match.index - 20), match.index);
    return [
      {
        value: Number(whole.replaceAll(',', '') + fraction) * scale,
        measure: unit?.measure ?? 'count',
        precision: (scale * 10 ** -Math.max(0, fraction.length - 1)) / 2,
        hedge: hedges.find(([pattern]) => pattern.test(before))?.[1],
        from: match.index,
        to: match.index + all.length,
      },
    ];
  });
}

function unitOf(word: string | undefined): { measure: Measure; scale: number } | undefined {
  if (word === undefined) return undefined;
  const scaled = scalesOf.find(([pattern]) => pattern.test(word));
  if (scaled) return { measure: 'count', scale: scaled[1] };
  for (const measure of ['time', 'size', 'percent'] as const) {
    const found = unitsOf[measure].find(([pattern]) => pattern.test(word));
    if (found) return { measure, scale: found[1] };
  }
  return undefined;
}
