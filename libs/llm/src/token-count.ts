import type { ChatMessage } from '@tollgate/contracts';
import { countTokens as countO200k } from 'gpt-tokenizer/encoding/o200k_base';

/**
 * Tokens of a family as `o200k * scale + digits * perDigit`: Qwen and Gemma split every digit, o200k groups three.
 * Fitted over 229 chunks of prose, code, JSON, CSV, logs and CJK text; leave-one-file-out error (5th to 95th percentile) is
 * within 6 %, for Gemma -10..+18 %.
 */
const families = {
  o200k: { scale: 1, perDigit: 0 },
  llama3: { scale: 1, perDigit: 0 },
  qwen2_5: { scale: 0.98, perDigit: 0.58 },
  deepseek: { scale: 1.02, perDigit: 0.06 },
  gemma: { scale: 1.05, perDigit: 0.54 },
} as const;

export type TokenizerFamily = keyof typeof families;
export const tokenizerFamilies = Object.keys(families) as [TokenizerFamily, ...TokenizerFamily[]];

/** Chat templates wrap every message in about this many tokens. */
const TOKENS_PER_MESSAGE = 4;

/** Texts are counted in pieces of this length; each boundary may cost a token. */
const PIECE_CHARACTERS = 8 * 1024;
/**
 * The tokenizer's time grows with the square of a run without spaces (or of spaces): a megabyte of one letter would hold
 * up the process for minutes. Longer runs are cut; a cut may cost a token or two, about 2 % on base64.
 */
const RUN_CHARACTERS_MAX = 64;
const longRuns = new RegExp(`(\\S{${RUN_CHARACTERS_MAX + 1},}|\\s{${RUN_CHARACTERS_MAX + 1},})`);

/** Special tokens in a text are counted as the plain characters they are for a model's user. */
const asPlainText = { allowedSpecial: new Set<string>(), disallowedSpecial: new Set<string>() };

/**
 * Number of tokens of a text for a model of that family; exact for o200k, within a few per cent for the others.
 *
 * Above `exactUpTo` tokens the rest of the text is estimated from what was counted, so that the work is bounded by the
 * number that matters (a context length) and not by the length of the text.
 */
export function countTokens(text: string, family: TokenizerFamily, exactUpTo = Infinity): number {
  const { scale, perDigit } = families[family];
  let tokens = 0;
  for (let start = 0; start < text.length; start += PIECE_CHARACTERS) {
    const piece = text.slice(start, start + PIECE_CHARACTERS);
    tokens += countPiece(piece) * scale + (perDigit > 0 ? countDigits(piece) * perDigit : 0);
    const counted = start + piece.length;
    if (tokens > exactUpTo && counted < text.length) return Math.ceil((tokens / counted) * text.length);
  }
  return Math.ceil(tokens);
}

/** The prompt as the model sees it: every message with the template around it. Exact up to `exactUpTo`, as {@link countTokens}. */
export function countPromptTokens(
  messages: readonly ChatMessage[],
  family: TokenizerFamily,
  exactUpTo = Infinity,
): number {
  let tokens = 0;
  for (const message of messages) {
    tokens += countTokens(textOf(message), family, exactUpTo - tokens) + TOKENS_PER_MESSAGE;
  }
  return tokens;
}

function textOf(message: ChatMessage): string {
  if (message.role !== 'assistant' || !message.tool_calls) return message.content;
  return message.content + message.tool_calls.map(({ function: called }) => called.name + called.arguments).join('');
}

function countPiece(piece: string): number {
  if (!longRuns.test(piece)) return countO200k(piece, asPlainText);
  // Split by a group: what matches it stands at the odd places.
  return piece
    .split(longRuns)
    .reduce((sum, part, index) => sum + (index % 2 === 0 ? countO200k(part, asPlainText) : countRun(part)), 0);
}

function countRun(run: string): number {
  let tokens = 0;
  for (let start = 0; start < run.length; start += RUN_CHARACTERS_MAX) {
    tokens += countO200k(run.slice(start, start + RUN_CHARACTERS_MAX), asPlainText);
  }
  return tokens;
}

function countDigits(text: string): number {
  let digits = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code >= 48 && code <= 57) digits += 1;
  }
  return digits;
}
