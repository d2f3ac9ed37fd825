const DAY_MS = 86_400_000;

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const longMonths = new Set(
  'january february march april may june july august september sept october november december'.split(' '),
);
const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const monthNumbers = new Map(months.map((name, index) => [threeLetters(name, 0), index + 1]));
const weekdayNames = new Set(weekdays.map((name) => threeLetters(name, 0)));

/** Offsets in minutes. Of names that several zones share (CST, IST) the one that most logs mean. */
const zoneOffsets = new Map<string, number>(
  Object.entries({
    Z: 0,
    UTC: 0,
    GMT: 0,
    WET: 0,
    WEST: 60,
    BST: 60,
    CET: 60,
    CEST: 120,
    EET: 120,
    EEST: 180,
    MSK: 180,
    IST: 330,
    SGT: 480,
    HKT: 480,
    JST: 540,
    KST: 540,
    AEST: 600,
    AEDT: 660,
    NZST: 720,
    NZDT: 780,
    AKST: -540,
    EST: -300,
    EDT: -240,
    CST: -360,
    CDT: -300,
    MST: -420,
    MDT: -360,
    PST: -480,
    PDT: -420,
    HST: -600,
  }),
);

/** A timestamp as a text has it. */
export interface Timestamp {
  /** Index after its last character. */
  end: number;
  hasDate: boolean;
  hasYear: boolean;
  hasTime: boolean;
  month: number;
  day: number;
  /** Equal for times that are written in the same way. */
  form: number;
  /** Since 1970 in UTC with a year; else, without the date, since midnight in UTC. */
  ms: number;
}

/** The time in milliseconds since 1970, or undefined when there is no date. */
export function timeMsOf(time: Timestamp, referenceMs: number): number | undefined {
  if (time.hasYear) return time.ms;
  return time.hasDate ? latestYearMs(time.month, time.day, time.ms, referenceMs) : undefined;
}

/** Milliseconds since 1970 of a date of the Gregorian calendar (after Howard Hinnant's days_from_civil). */
export function dateMs(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return (era * 146_097 + dayOfEra - 719_468) * DAY_MS;
}

/** 1 to 12 of the first three letters, in any case. */
export function monthOf(text: string, start: number): number | undefined {
  return monthNumbers.get(threeLetters(text, start));
}

export function isMonthName(word: string): boolean {
  return longMonths.has(word.toLowerCase());
}

export function isWeekday(text: string, start: number): boolean {
  return weekdayNames.has(threeLetters(text, start));
}

/** As one number, in any case; what is no letter makes it another number than any letters have. */
function threeLetters(text: string, start: number): number {
  const first = text.charCodeAt(start);
  const second = text.charCodeAt(start + 1);
  const third = text.charCodeAt(start + 2);
  return first < 128 && second < 128 && third < 128 ? ((first | 32) << 16) | ((second | 32) << 8) | (third | 32) : 0;
}

export function zoneOffsetMinutes(name: string): number | undefined {
  return zoneOffsets.get(name);
}

/**
 * The time of a date without a year: the latest one that is at most a day after `referenceMs`, as clocks differ.
 * `offsetMs` is the time within the day, in UTC.
 */
export function latestYearMs(month: number, day: number, offsetMs: number, referenceMs: number): number {
  const year = new Date(referenceMs).getUTCFullYear();
  for (let back = 0; back < 8; back += 1) {
    const time = dateMs(year + 1 - back, month, day) + offsetMs;
    // 29 February exists in some years only; elsewhere it would come out as 1 March.
    if (time <= referenceMs + DAY_MS && new Date(time - offsetMs).getUTCDate() === day) return time;
  }
  return dateMs(year, month, day) + offsetMs;
}
