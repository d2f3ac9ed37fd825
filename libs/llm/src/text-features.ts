/** Share of accented letters from which a text counts as one in a language that has them. */
const ACCENTED_TEXT_SHARE = 0.008;

/** What vocabularies treat differently from each other, each as a count over a text. */
const patterns = {
  digits: /\d/g,
  han: /[\u4e00-\u9fff]/g,
  kana: /[\u3040-\u30ff]/g,
  hangul: /[\uac00-\ud7af]/g,
  cyrillic: /[\u0400-\u04ff]/g,
  arabic: /[\u0600-\u06ff]/g,
  devanagari: /[\u0900-\u097f]/g,
  accented: /[\u00c0-\u024f]/g,
  wideSigns: /[\u2000-\u2fff\u3000-\u303f\uff00-\uffef]/g,
  lines: /\n/g,
  indents: /[ \t]{2,}/g,
  signs: /[!-/:-@[-`{-~]/g,
  signRuns: /[!-/:-@[-`{-~]+/g,
  capitals: /[A-Z]/g,
  letterToDigit: /(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])/g,
  words: /[A-Za-z\u00c0-\u024f]+/g,
  camelHumps: /(?<=[a-z])(?=[A-Z])/g,
} as const;

export type TextFeature = keyof typeof patterns | 'digitGroups' | 'accentedText' | 'randomText' | 'hex';

/** Counts of everything in which families differ. Time grows with the length of the text, whatever is in it. */
export function countFeatures(text: string): Record<TextFeature, number> {
  const count = (pattern: RegExp) => text.match(pattern)?.length ?? 0;
  const wordLetters = lengthOf(text.match(patterns.words));
  const accented = count(patterns.accented);
  return {
    ...mapValues(patterns, count),
    // o200k takes three digits at a time.
    digitGroups: (text.match(/\d+/g) ?? []).reduce((sum, digits) => sum + Math.ceil(digits.length / 3), 0),
    accentedText: accented > wordLetters * ACCENTED_TEXT_SHARE ? wordLetters : 0,
    randomText: lengthOf(text.match(/[A-Za-z0-9+/]{12,}/g)?.filter((run) => /\d/.test(run))),
    hex: lengthOf(text.match(/\b[0-9a-f]{4,}\b/g)?.filter((run) => /\d/.test(run) && /[a-f]/.test(run))),
  };
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
