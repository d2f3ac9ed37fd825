import { textOf } from './encode.js';
import { O200K_TOKENS } from './token-table.js';

/** What a token of o200k is of: the first that fits. Half a character is `bytes`. */
const patterns = {
  han: /[\u3400-\u9fff]/,
  kana: /[\u3040-\u30ff]/,
  hangul: /[\uac00-\ud7af]/,
  cyrillic: /[\u0400-\u04ff]/,
  greek: /[\u0370-\u03ff]/,
  hebrew: /[\u0590-\u05ff]/,
  arabic: /[\u0600-\u06ff]/,
  devanagari: /[\u0900-\u097f]/,
  bengali: /[\u0980-\u09ff]/,
  indic: /[\u0a00-\u0dff]/,
  thai: /[\u0e00-\u0e7f]/,
  armenian: /[\u0530-\u058f]/,
  lao: /[\u0e80-\u0eff]/,
  tibetan: /[\u0f00-\u0fff]/,
  burmese: /[\u1000-\u109f]/,
  georgian: /[\u10a0-\u10ff]/,
  ethiopic: /[\u1200-\u139f]/,
  khmer: /[\u1780-\u17ff]/,
  otherScript: /[\u0530-\u1cff\u2c00-\u2dff\ua000-\uabff]/,
  accented: /[\u00c0-\u024f\u1e00-\u1eff]/,
  latin: /[A-Za-z]/,
  digits: /\d/,
  blank: /^\s+$/,
  drawing: /[\u2190-\u2bff]/,
  typography: /[\u2010-\u20cf\u00a0-\u00bf]/,
  wideSign: /[\u3000-\u303f\uff00-\uffef]/,
  bytes: /[\ufffd\ud800-\udfff]/,
  lineEnd: /\n/,
  sign: /[^]/,
} as const;

export type TokenKind = keyof typeof patterns;
export const tokenKinds = Object.keys(patterns) as TokenKind[];

/** The kind of every token that was seen, by its id, from 1: 0 is not seen yet. */
const seen = new Uint8Array(O200K_TOKENS);

/** Index in {@link tokenKinds}. */
export function kindOf(token: number): number {
  return (seen[token] ||= 1 + find(textOf(token))) - 1;
}

function find(text: string): number {
  return tokenKinds.findIndex((kind) => patterns[kind].test(text));
}
