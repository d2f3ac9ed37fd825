import { decode, vocabularySize } from 'gpt-tokenizer/encoding/o200k_base';

/** Share of accented letters from which a text counts as one in a language that has them. */
const ACCENTED_TEXT_SHARE = 0.008;

/** Vocabularies differ most in how much of each script they hold. */
const scripts = {
  han: /[\u3400-\u9fff]/g,
  kana: /[\u3040-\u30ff]/g,
  hangul: /[\uac00-\ud7af]/g,
  cyrillic: /[\u0400-\u04ff]/g,
  greek: /[\u0370-\u03ff]/g,
  hebrew: /[\u0590-\u05ff]/g,
  arabic: /[\u0600-\u06ff]/g,
  devanagari: /[\u0900-\u097f]/g,
  bengali: /[\u0980-\u09ff]/g,
  indic: /[\u0a00-\u0dff]/g,
  thai: /[\u0e00-\u0e7f]/g,
  otherScript: /[\u0530-\u058f\u0e80-\u1cff]/g,
} as const;

/** What a token of o200k is of: the first that fits. Half a character is `bytes`. */
const tokenKinds = {
  ...scripts,
  accented: /[\u00c0-\u024f\u1e00-\u1eff]/,
  wordStart: /^ [A-Za-z]/,
  wordRest: /[A-Za-z]/,
  digits: /\d/,
  blank: /^\s+$/,
  drawing: /[\u2190-\u2bff]/,
  typography: /[\u2010-\u20cf\u00a0-\u00bf]/,
  wideSign: /[\u3000-\u303f\uff00-\uffef]/,
  bytes: /[\ufffd\ud800-\udfff]/,
  sign: /[^]/,
} as const;
type TokenKind = keyof typeof tokenKinds;
const kindNames = Object.keys(tokenKinds) as TokenKind[];

/** What vocabularies cut at different places. */
const places = {
  ...scripts,
  latin1: /[\u00c0-\u00ff]/g,
  latinExtended: /[\u0100-\u024f\u1e00-\u1eff]/g,
  digits: /\d/g,
  lines: /\n/g,
  indents: /[ \t]{2,}/g,
  indentation: /(?<=[ \t])[ \t]/g,
  signs: /[!-/:-@[-`{-~]/g,
  signRuns: /[!-/:-@[-`{-~]+/g,
  repeatedSigns: /([!-/:-@[-`{-~])\1+/g,
  signAtLineEnd: /[!-/:-@[-`{-~]\n/g,
  digitThenSign: /\d[!-/:-@[-`{-~]/g,
  letterThenSign: /[A-Za-z][!-/:-@[-`{-~]/g,
  blankThenSign: / [!-/:-@[-`{-~]/g,
  letterAtLineStart: /\n[A-Za-z]/g,
  capitals: /[A-Z]/g,
  camelHumps: /(?<=[a-z])(?=[A-Z])/g,
  words: /[A-Za-z]+/g,
  letters: /[A-Za-z]/g,
  longWords: /[A-Za-z]{8,}/g,
} as const;

type Feature =
  `${TokenKind}Token` | keyof typeof places | 'digitGroups' | 'westernText' | 'easternText' | 'hex' | 'random';
export type TextFeatures = Record<Feature, number>;

/** Counts of everything in which families differ, over a text and its tokens of o200k. Time grows with the length of the text. */
export function countFeatures(text: string, o200k: readonly number[]): TextFeatures {
  const count = (pattern: RegExp) => text.match(pattern)?.length ?? 0;
  const counts = mapValues(places, count);
  const wordLetters = lengthOf(text.match(/[A-Za-z\u00c0-\u024f\u1e00-\u1eff]+/g));
  const isWestern = counts.latin1 >= counts.latinExtended;
  const isAccented = Math.max(counts.latin1, counts.latinExtended) > wordLetters * ACCENTED_TEXT_SHARE;
  return {
    ...countKinds(o200k),
    ...counts,
    // o200k takes three digits at a time.
    digitGroups: (text.match(/\d+/g) ?? []).reduce((sum, digits) => sum + Math.ceil(digits.length / 3), 0),
    westernText: isAccented && isWestern ? wordLetters : 0,
    easternText: isAccented && !isWestern ? wordLetters : 0,
    hex: lengthOf(text.match(/\b[0-9a-f]{4,}\b/g)?.filter((run) => /\d/.test(run) && /[a-f]/.test(run))),
    random: lengthOf(text.match(/[A-Za-z0-9+/]{12,}/g)?.filter((run) => /\d/.test(run))),
  };
}

/** The kind of every token that was seen, by its id: 0 is not seen yet. */
const seenKinds = new Uint8Array(vocabularySize);

function countKinds(o200k: readonly number[]): Record<`${TokenKind}Token`, number> {
  const counts = new Uint32Array(kindNames.length);
  for (const id of o200k) {
    const kind = seenKinds[id] || (seenKinds[id] = 1 + kindOf(decode([id])));
    counts[kind - 1] = (counts[kind - 1] ?? 0) + 1;
  }
  const entries = kindNames.map((name, index) => [`${name}Token`, counts[index]]);
  return Object.fromEntries(entries);
}

function kindOf(token: string): number {
  return kindNames.findIndex((name) => token.search(tokenKinds[name]) >= 0);
}

function lengthOf(parts: string[] | null | undefined): number {
  return (parts ?? []).reduce((sum, part) => sum + part.length, 0);
}

function mapValues<Key extends string>(
  members: Record<Key, RegExp>,
  map: (value: RegExp) => number,
): Record<Key, number> {
  const entries = Object.entries<RegExp>(members).map(([name, value]) => [name, map(value)]);
  return Object.fromEntries(entries);
}
