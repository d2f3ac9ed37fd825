import { COLON, COMMA, DASH, DOT, PLUS, SLASH, SPACE, isAsciiLetter, isDigit } from './characters.js';
import { dateMs, isMonthName, isWeekday, monthOf, zoneOffsetMinutes, type Timestamp } from './civil-time.js';

const found: Timestamp = { end: 0, hasDate: false, hasYear: false, hasTime: false, form: 0, month: 0, day: 0, ms: 0 };
let text = '';
let at = 0;
let lastStart = -1;
let lastWasFound = false;

/**
 * Reads the timestamp that starts exactly at `start`: ISO 8601 and its variants with spaces, slashes, dots and commas,
 * compact dates, syslog, ctime, RFC 1123, access log and logcat dates, times alone, seconds to nanoseconds since 1970.
 * Sliced by hand: date libraries read log times wrongly in silence. The result is overwritten by the next scan.
 */
export function scanTimestamp(source: string, start: number): Timestamp | undefined {
  // The same place is often looked at twice: to tell the format, and to read it.
  if (start === lastStart && source === text) return lastWasFound ? found : undefined;
  text = source;
  at = start;
  lastStart = start;
  found.hasDate = found.hasYear = found.hasTime = false;
  found.ms = 0;
  found.form = 0;
  const code = text.charCodeAt(start);
  if (code >= 48 && code <= 57 ? scanDigits(start) : isAsciiLetter(code) && scanName()) {
    found.end = at;
    lastWasFound = true;
    return found;
  }
  lastWasFound = false;
  return undefined;
}

function scanDigits(start: number): boolean {
  const first = digits(20);
  const length = at - start;
  const mark = text.charCodeAt(at);
  found.form = 256 * Math.min(length, 11) + (mark > 127 || (length > 8 && mark !== DASH) ? 0 : mark);
  if (length === 4 && (mark === DASH || mark === SLASH || mark === DOT)) return yearFirst(first, mark);
  if (length === 8 && first >= 19_000_000 && first < 22_000_000) return compactDate(first);
  if (length === 6 && mark === SPACE) return shortCompactDate(first);
  if (length <= 2 && mark === COLON) {
    at = start;
    return clock(false);
  }
  if (length <= 2) return dayOrMonthFirst(first, mark);
  return length >= 9 && sinceEpoch(first, length, start);
}

/** 2024-01-31[T ]10:00:00, also with 2024/01/31, 2024.01.31 and 2024-01-31-10.00.00.000000 */
function yearFirst(year: number, mark: number): boolean {
  at += 1;
  const month = isAsciiLetter(text.charCodeAt(at)) ? monthName() : digits(2);
  if (text.charCodeAt(at) !== mark) return false;
  at += 1;
  const day = digits(2);
  return isDate(year, month, day) && !isDigit(text.charCodeAt(at)) && withClock(true);
}

/** 20240131[-T ]10:00:00 and 20240131T100000 */
function compactDate(value: number): boolean {
  if (!isDate(Math.floor(value / 10_000), Math.floor(value / 100) % 100, value % 100)) return false;
  const mark = text.charCodeAt(at);
  if ((mark === 84 || mark === DASH || mark === SPACE) && compactClock(at + 1)) return true;
  return withClock(true);
}

/** 240131 100000 and 240131 10:00:00; a lone number of six digits is no date. */
function shortCompactDate(value: number): boolean {
  if (!isDate(2_000 + Math.floor(value / 10_000), Math.floor(value / 100) % 100, value % 100)) return false;
  if (compactClock(at + 1)) return true;
  return withClock(true) && found.hasTime;
}

function compactClock(start: number): boolean {
  const before = at;
  at = start;
  const value = digits(7);
  if (at - start === 6 && setClock(Math.floor(value / 10_000), Math.floor(value / 100) % 100, value % 100)) {
    fraction();
    zone();
    return true;
  }
  at = before;
  return false;
}

/** 31/Jan/2024:10:00:00, 31 Jan 2024 10:00:00, 01/31/2024, 31.01.2024, 24/01/31, and 01-31 or 01.31 with a time. */
function dayOrMonthFirst(first: number, mark: number): boolean {
  if (mark !== SLASH && mark !== DASH && mark !== DOT && mark !== SPACE) return false;
  at += 1;
  if (isAsciiLetter(text.charCodeAt(at))) {
    const month = monthName();
    if (text.charCodeAt(at) === mark) at += 1;
    const yearStart = at;
    const year = digits(4);
    return at - yearStart === 4 && isDate(year, month, first) && withClock(true);
  }
  if (mark === SPACE) return false;
  const second = digits(2);
  if (text.charCodeAt(at) !== mark) {
    if (text.charCodeAt(at) !== SPACE || !isDate(undefined, first, second)) return false;
    return withClock(true) && found.hasTime;
  }
  at += 1;
  const thirdStart = at;
  const third = digits(4);
  if (at - thirdStart === 4) {
    // 01/31/2024 is American; with dots, or when it cannot be a month, the day stands first.
    const isDayFirst = mark === DOT || first > 12;
    return isDate(third, isDayFirst ? second : first, isDayFirst ? first : second) && withClock(true);
  }
  return at - thirdStart === 2 && isDate(2_000 + first, second, third) && withClock(true) && found.hasTime;
}

/** Seconds (also with a fraction), milliseconds, microseconds or nanoseconds, of the years 2000 to 2036. */
function sinceEpoch(value: number, length: number, start: number): boolean {
  const divisor = length <= 10 ? 0.001 : length === 13 ? 1 : length === 16 ? 1_000 : length === 19 ? 1_000_000 : 0;
  const ms = divisor === 0 ? 0 : Math.floor(value / divisor);
  if (ms < 946_684_800_000 || ms > 2_082_758_400_000) return false;
  found.ms = length <= 10 ? value * 1_000 : ms;
  found.hasDate = found.hasYear = found.hasTime = true;
  if (length <= 10 && text.charCodeAt(at) === DOT && isDigit(text.charCodeAt(at + 1))) fraction();
  const next = text.charCodeAt(at);
  return !isDigit(next) && !isAsciiLetter(next) && start < at;
}

/** Jan 31 10:00:00, Jan 31 2024 10:00:00, Wed Jan 31 10:00:00 CET 2024, Wed, 31 Jan 2024 10:00:00 GMT */
function scanName(): boolean {
  if (isWeekday(text, at)) {
    at += 3;
    if (text.charCodeAt(at) === COMMA) at += 1;
    if (text.charCodeAt(at) !== SPACE) return false;
    at += 1;
    if (isDigit(text.charCodeAt(at))) {
      const day = digits(2);
      return dayOrMonthFirst(day, text.charCodeAt(at)) && found.hasTime;
    }
  }
  const month = monthName();
  if (month === 0 || text.charCodeAt(at) !== SPACE) return false;
  while (text.charCodeAt(at) === SPACE) at += 1;
  const dayStart = at;
  const day = digits(2);
  if (at === dayStart || isDigit(text.charCodeAt(at)) || !isDate(undefined, month, day)) return false;
  if (text.charCodeAt(at) === COMMA) at += 1;
  yearIfAny();
  if (!withClock(false) || !found.hasTime) return false;
  if (!found.hasYear) yearIfAny();
  return true;
}

/** Only a number of exactly four digits is a year: `10:00` begins with two. */
function yearIfAny(): void {
  if (text.charCodeAt(at) !== SPACE) return;
  const before = at;
  at += 1;
  const year = digits(5);
  const next = text.charCodeAt(at);
  if (at - before !== 5 || year < 1970 || year > 2099 || isAsciiLetter(next) || next === COLON || next === DOT) {
    at = before;
    return;
  }
  found.hasYear = true;
  found.ms += dateMs(year, found.month, found.day);
}

/** The date alone is a timestamp too. */
function withClock(isOptional: boolean): boolean {
  const mark = text.charCodeAt(at);
  const isJoined = mark === 84 || mark === 116 || mark === SPACE || mark === COLON || mark === DASH || mark === 95;
  const before = at;
  if (isJoined) {
    at += 1;
    while (text.charCodeAt(at) === SPACE) at += 1;
    if (isDigit(text.charCodeAt(at)) && clock(mark === DASH)) {
      if (mark === 84) found.form += 4_096;
      return true;
    }
    at = before;
  }
  return isOptional && !isDigit(text.charCodeAt(at));
}

/** 10:00, 10:00:00, 10:00:00.123456, 10:00:00,123, 10:00:00:123, 3:05:07 PM; with dots only after `2024-01-31-`. */
function clock(mayHaveDots: boolean): boolean {
  const hour = digits(2);
  const mark = text.charCodeAt(at);
  if (mark !== COLON && !(mayHaveDots && mark === DOT)) return false;
  at += 1;
  const minuteStart = at;
  const minute = digits(2);
  if (at === minuteStart) return false;
  let second = 0;
  if (text.charCodeAt(at) === mark && isDigit(text.charCodeAt(at + 1))) {
    at += 1;
    second = digits(2);
  } else if (!found.hasDate) return false;
  if (isDigit(text.charCodeAt(at)) || !setClock(hour, minute, second)) return false;
  fraction();
  halfOfDay(hour);
  zone();
  return true;
}

function setClock(hour: number, minute: number, second: number): boolean {
  if (hour > 24 || minute > 59 || second > 60) return false;
  found.ms += ((hour * 60 + minute) * 60 + second) * 1_000;
  found.hasTime = true;
  return true;
}

function fraction(): void {
  const mark = text.charCodeAt(at);
  if ((mark !== DOT && mark !== COMMA && mark !== COLON) || !isDigit(text.charCodeAt(at + 1))) return;
  at += 1;
  const start = at;
  const value = digits(9);
  if (mark === COMMA) found.form += 8_192;
  // `:83` after unpadded times counts milliseconds; `.83` is a fraction.
  found.ms += mark === COLON ? value : Math.floor(value * (millisecondsPerUnit[at - start] ?? 0) + 1e-6);
}

/** By the number of digits of a fraction of a second. */
const millisecondsPerUnit = [0, 100, 10, 1, 0.1, 0.01, 0.001, 1e-4, 1e-5, 1e-6];

function halfOfDay(hour: number): void {
  const start = text.charCodeAt(at) === SPACE ? at + 1 : at;
  const letter = text.charCodeAt(start) | 32;
  if ((letter !== 97 && letter !== 112) || (text.charCodeAt(start + 1) | 32) !== 109) return;
  if (isAsciiLetter(text.charCodeAt(start + 2)) || hour > 12) return;
  found.ms += ((letter === 112 ? 12 : 0) - (hour === 12 ? 12 : 0)) * 3_600_000;
  at = start + 2;
}

function zone(): void {
  const spaced = text.charCodeAt(at) === SPACE;
  const start = spaced ? at + 1 : at;
  const mark = text.charCodeAt(start);
  if (mark === PLUS || (mark === DASH && isDigit(text.charCodeAt(start + 4)))) {
    const before = at;
    at = start + 1;
    const hours = digits(2);
    if (text.charCodeAt(at) === COLON) at += 1;
    const minutesStart = at;
    const minutes = digits(2);
    const isWhole = minutesStart >= start + 3 && (at - minutesStart === 2 || !spaced);
    if (isWhole && hours <= 14 && minutes < 60 && !isDigit(text.charCodeAt(at))) {
      found.ms -= (mark === PLUS ? 1 : -1) * (hours * 60 + minutes) * 60_000;
      found.form += 16_384;
    } else at = before;
    return;
  }
  if (mark < 65 || mark > 90) return;
  let end = start;
  while (end - start < 5 && isAsciiLetter(text.charCodeAt(end))) end += 1;
  const offset = zoneOffsetMinutes(text.slice(start, end));
  if (offset === undefined || (spaced && end - start < 3)) return;
  found.ms -= offset * 60_000;
  found.form += end - start === 1 ? 32_768 : 49_152;
  at = end;
}

function isDate(year: number | undefined, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1 || day > 31) return false;
  if (year !== undefined && (year < 1970 || year > 2099)) return false;
  found.hasDate = true;
  found.hasYear = year !== undefined;
  found.month = month;
  found.day = day;
  found.ms = year === undefined ? 0 : dateMs(year, month, day);
  return true;
}

/** 0 when there is none. */
function monthName(): number {
  const month = monthOf(text, at);
  if (month === undefined) return 0;
  at += 3;
  const start = at;
  while (isAsciiLetter(text.charCodeAt(at))) at += 1;
  // January, Sept; but no word that merely begins like one.
  if (at > start && !isMonthName(text.slice(start - 3, at))) return 0;
  return month;
}

function digits(most: number): number {
  let value = 0;
  const end = at + most;
  for (; at < end; at += 1) {
    const digit = text.charCodeAt(at) - 48;
    if (!(digit >= 0 && digit <= 9)) break;
    value = value * 10 + digit;
  }
  return value;
}
