import { randomNumbers } from './logs-generator.js';

/** Generated logs with one known fault, or none. Everything follows from the seed. */
export const faultKinds = [
  'new-template',
  'burst',
  'silence',
  'level-shift',
  'rare-value',
  'numeric-outlier',
  'sequence-break',
  'time-gap',
] as const;

export type FaultKind = (typeof faultKinds)[number];

export interface GeneratedLog {
  lines: string[];
  /** Lines of the fault; of something missing the ones before and after. */
  faultLines: Set<number>;
}

interface Entry {
  timeMs: number;
  text: string;
  isFault: boolean;
}

interface Kind {
  level: string;
  component: string;
  words: string[];
  rate: number;
  isPeriodic: boolean;
  choices: { values: string[]; weights: number[] } | undefined;
  typicalNumber: number | undefined;
}

const startMs = Date.UTC(2026, 2, 1);
const durationMs = 6 * 3_600_000;
const linesMean = 20_000;
const consonants = 'b d f g k l m n p r s t v z'.split(' ');
const vowels = 'a e i o u'.split(' ');
const steps = ['accepted', 'checked', 'reserved', 'charged', 'packed', 'finished'];

type Random = () => number;

/** Six hours of 20 to 200 kinds of messages with periodic and Poisson rates and a sequence of steps, and `fault` at `strength`. */
export function generateLog(seed: number, fault?: FaultKind, strength = 10): GeneratedLog {
  const random = randomNumbers(seed);
  const kinds = makeKinds(random);
  const entries = kinds.flatMap((kind) => eventsOf(random, kind));
  const sessions = makeSessions(random);
  entries.push(...sessions.flat());
  const ends = startMs + durationMs;
  entries.splice(0, entries.length, ...entries.filter(({ timeMs }) => timeMs >= startMs && timeMs < ends));
  if (fault) inject({ random, kinds, entries, sessions, strength }, fault);
  const sorted = entries.toSorted((a, b) => a.timeMs - b.timeMs);
  const faultLines = new Set(sorted.flatMap(({ isFault }, index) => (isFault ? [index + 1] : [])));
  return {
    lines: sorted.map(({ timeMs, text }) => `${new Date(Math.round(timeMs)).toISOString()} ${text}`),
    faultLines,
  };
}

function makeKinds(random: Random): Kind[] {
  const count = 20 + Math.floor(random() * 181);
  const kinds = Array.from({ length: count }, (): Kind => {
    const level = pick(random, ['INFO', 'INFO', 'INFO', 'INFO', 'DEBUG', 'DEBUG', 'WARN', 'ERROR']);
    const values = Array.from({ length: 2 + Math.floor(random() * 5) }, () => word(random));
    return {
      level,
      component: `${word(random)}.${word(random)}`,
      words: Array.from({ length: 3 + Math.floor(random() * 6) }, () => word(random)),
      rate: 10 ** (random() * 2),
      isPeriodic: random() < 0.3,
      choices: random() < 0.4 ? { values, weights: values.map(() => 0.2 + random()) } : undefined,
      typicalNumber: random() < 0.5 ? 10 ** (1 + random() * 3) : undefined,
    };
  });
  const total = kinds.reduce((sum, { rate }) => sum + rate, 0);
  for (const kind of kinds) kind.rate = Math.max((kind.rate / total) * linesMean, 3);
  return kinds;
}

function word(random: Random): string {
  const syllables = Array.from(
    { length: 2 + Math.floor(random() * 2) },
    () => pick(random, consonants) + pick(random, vowels),
  );
  return syllables.join('');
}

function pick<Value>(random: Random, values: readonly Value[]): Value {
  const value = values[Math.floor(random() * values.length)];
  if (value === undefined) throw new RangeError('Nothing to pick from');
  return value;
}

function exponential(random: Random): number {
  return -Math.log(1 - random());
}

function normal(random: Random): number {
  return Math.sqrt(2 * exponential(random)) * Math.cos(2 * Math.PI * random());
}

/** `rate` events over the duration. */
function eventsOf(random: Random, kind: Kind, [from, to] = [0, 1], times = 1): Entry[] {
  const interval = durationMs / (kind.rate * times);
  const entries: Entry[] = [];
  let clock = startMs + from * durationMs + random() * interval;
  for (; clock < startMs + to * durationMs; clock += kind.isPeriodic ? interval : exponential(random) * interval) {
    const jitter = kind.isPeriodic ? normal(random) * interval * 0.04 : 0;
    entries.push({ timeMs: clock + jitter, text: textOf(random, kind), isFault: false });
  }
  return entries;
}

function textOf(random: Random, kind: Kind, forced: { choice?: string; number?: number } = {}): string {
  const { level, component, words, choices, typicalNumber } = kind;
  let text = `${level} [${component}] ${words.join(' ')}`;
  if (choices) text += ` state=${forced.choice ?? weighted(random, choices)}`;
  if (typicalNumber !== undefined)
    text += ` took ${forced.number ?? Math.round(typicalNumber * Math.exp(normal(random) * 0.3))} ms`;
  return text;
}

function weighted(random: Random, { values, weights }: { values: string[]; weights: number[] }): string {
  let left = random() * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [index, value] of values.entries()) {
    left -= weights[index] ?? 0;
    if (left <= 0) return value;
  }
  return values[0] ?? '';
}

function makeSessions(random: Random): Entry[][] {
  const names = steps.map((step) => `INFO [${word(random)}] ${step} ${word(random)} for`);
  return Array.from({ length: 300 + Math.floor(random() * 500) }, (_, index) => {
    const id = `order-${10_000_000 + index * 1_000 + Math.floor(random() * 1_000)}`;
    let clock = startMs + random() * durationMs;
    return names.map((name) => ({
      timeMs: (clock += exponential(random) * 2_000),
      text: `${name} ${id}`,
      isFault: false,
    }));
  });
}

interface Scene {
  random: Random;
  kinds: Kind[];
  entries: Entry[];
  sessions: Entry[][];
  strength: number;
}

/** A fault begins between 30 and 85 % of the duration. A burst takes 4 % of it, what appears appears within half a per cent. */
function inject({ random, kinds, entries, sessions, strength }: Scene, fault: FaultKind): void {
  const begin = 0.3 + random() * 0.55;
  const atMs = startMs + begin * durationMs;
  const window: [number, number] = [begin, begin + 0.04];
  const add = (added: Entry[]): void => void entries.push(...added.map((entry) => ({ ...entry, isFault: true })));
  // What is there anyway cannot be told from what was added to it.
  const markOwn = (kind: Kind, [from, to]: [number, number]): void => {
    for (const entry of entries) {
      const share = (entry.timeMs - startMs) / durationMs;
      if (share >= from && share < to && entry.text.includes(kind.words.join(' '))) entry.isFault = true;
    }
  };
  const within = (): number => atMs + random() * 0.005 * durationMs;
  switch (fault) {
    case 'new-template': {
      const words = Array.from({ length: 5 }, () => word(random)).join(' ');
      return add(
        Array.from({ length: strength }, () => ({
          timeMs: within(),
          text: `WARN [${word(random)}] ${words}`,
          isFault: true,
        })),
      );
    }
    case 'burst': {
      const kind = pick(
        random,
        kinds.filter(({ rate }) => rate >= 400),
      );
      markOwn(kind, window);
      return add(eventsOf(random, { ...kind, isPeriodic: false }, window, strength - 1));
    }
    case 'silence': {
      const kind = pick(
        random,
        kinds.filter(({ rate, isPeriodic }) => isPeriodic && rate >= 30),
      );
      const own = entries
        .filter(({ text }) => text.includes(kind.words.join(' ')))
        .toSorted((a, b) => a.timeMs - b.timeMs);
      const first = own.findIndex(({ timeMs }) => timeMs > atMs);
      const missing = new Set(own.slice(first, first + strength));
      for (const neighbour of [own[first - 1], own[first + strength]]) if (neighbour) neighbour.isFault = true;
      return void entries.splice(0, entries.length, ...entries.filter((entry) => !missing.has(entry)));
    }
    case 'level-shift': {
      const kind = pick(
        random,
        kinds.filter(({ rate }) => rate >= 200),
      );
      markOwn(kind, [begin, 1]);
      return add(eventsOf(random, { ...kind, isPeriodic: false }, [begin, 1], strength - 1));
    }
    case 'rare-value': {
      const kind = pick(
        random,
        kinds.filter(({ choices, rate }) => choices && rate >= 200),
      );
      const choice = word(random);
      return add(
        Array.from({ length: strength }, () => ({
          timeMs: within(),
          text: textOf(random, kind, { choice }),
          isFault: true,
        })),
      );
    }
    case 'numeric-outlier': {
      const kind = pick(
        random,
        kinds.filter(({ typicalNumber, rate }) => typicalNumber !== undefined && rate >= 100),
      );
      // Of a normal deviate of .3 in the logarithm, one of a thousand exceeds 2.5 times the median.
      const number = Math.round((kind.typicalNumber ?? 1) * 2.5 * strength);
      return add([{ timeMs: within(), text: textOf(random, kind, { number }), isFault: true }]);
    }
    case 'sequence-break': {
      const skipped = 1 + Math.floor(random() * (steps.length - 2));
      for (const session of sessions.slice(20, 20 + strength)) {
        const gone = session[skipped];
        for (const entry of session) entry.isFault = true;
        if (gone) entries.splice(entries.indexOf(gone), 1);
      }
      return;
    }
    case 'time-gap': {
      const sorted = entries.toSorted((a, b) => a.timeMs - b.timeMs);
      const gaps = sorted.map(({ timeMs }, index) => timeMs - (sorted[index - 1]?.timeMs ?? timeMs));
      const longest = gaps.reduce((max, gap) => Math.max(max, gap), 0);
      const at = sorted.findIndex(({ timeMs }) => timeMs > atMs);
      for (const entry of sorted.slice(at)) entry.timeMs += longest * strength;
      for (const entry of sorted.slice(at - 1, at + 1)) entry.isFault = true;
    }
  }
}
