import { decode, encode as encodeAnything, setMergeCacheSize } from 'gpt-tokenizer/encoding/o200k_base';

/**
 * Words that the tokenizer remembers. With its own 100,000 it slows down to a third once they are full: a word that is found moves to
 * the end of a Map, and what it leaves behind is searched through until the Map is made anew.
 */
const WORDS_REMEMBERED = 8_000;
setMergeCacheSize(WORDS_REMEMBERED);

/**
 * The tokenizer's time grows with the square of what it takes as one word: letters, signs, spaces or empty lines without end. A megabyte of one letter
 * would hold up the process for minutes. Longer runs are cut; a cut may cost a token or two.
 */
const RUN_CHARACTERS_MAX = 64;
const more = `{${RUN_CHARACTERS_MAX + 1},}`;
const longRun = new RegExp(`[\\p{L}\\p{M}]${more}|[^\\s\\p{L}\\p{N}]${more}|\\s${more}|[\\r\\n/]${more}`, 'gu');
/** Quicker than {@link longRun}, and enough for texts with spaces. */
const anyLongRun = new RegExp(`\\S${more}|\\s${more}|[\\r\\n/]${more}`);

/** Special tokens in a text are counted as the plain characters they are for a model's user. */
const asPlainText = { allowedSpecial: new Set<string>(), disallowedSpecial: new Set<string>() };

/** The tokens of o200k; in time that grows with the length of the text, whatever is in it. */
export function encode(text: string): number[] {
  if (!anyLongRun.test(text)) return encodeAnything(text, asPlainText);
  const tokens: number[][] = [];
  let start = 0;
  for (const { index, 0: run } of text.matchAll(longRun)) {
    // Never at the ends of a run: what stands before and after it is often one token with its first or last signs.
    for (let cut = RUN_CHARACTERS_MAX; cut < run.length; cut += RUN_CHARACTERS_MAX) {
      tokens.push(encodeAnything(text.slice(start, index + cut), asPlainText));
      start = index + cut;
    }
  }
  tokens.push(encodeAnything(text.slice(start), asPlainText));
  return tokens.flat();
}

/** The text of one token; `\ufffd` for a part of a character. */
export function textOf(token: number): string {
  return decode([token]);
}
