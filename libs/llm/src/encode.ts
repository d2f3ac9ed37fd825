import { encode as encodeAnything } from 'gpt-tokenizer/encoding/o200k_base';

/**
 * The tokenizer's time grows with the square of a run without spaces (or of spaces): a megabyte of one letter would hold
 * up the process for minutes. Longer runs are cut; a cut may cost a token or two, about 2 % on base64.
 */
const RUN_CHARACTERS_MAX = 64;
const longRuns = new RegExp(`(\\S{${RUN_CHARACTERS_MAX + 1},}|\\s{${RUN_CHARACTERS_MAX + 1},})`);

/** Special tokens in a text are counted as the plain characters they are for a model's user. */
const asPlainText = { allowedSpecial: new Set<string>(), disallowedSpecial: new Set<string>() };

/** The tokens of o200k; in time that grows with the length of the text, whatever is in it. */
export function encode(text: string): number[] {
  if (!longRuns.test(text)) return encodeAnything(text, asPlainText);
  // Split by a group: what matches it stands at the odd places.
  return text
    .split(longRuns)
    .flatMap((part, index) => (index % 2 === 0 ? encodeAnything(part, asPlainText) : encodeRun(part)));
}

function encodeRun(run: string): number[] {
  const tokens: number[][] = [];
  for (let start = 0; start < run.length; start += RUN_CHARACTERS_MAX) {
    tokens.push(encodeAnything(run.slice(start, start + RUN_CHARACTERS_MAX), asPlainText));
  }
  return tokens.flat();
}
