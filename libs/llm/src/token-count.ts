import type { ChatMessage } from '@tollgate/contracts';
import { countTokens as countO200k } from 'gpt-tokenizer/encoding/o200k_base';
import { countFeatures } from './text-features.js';
import { families } from './token-families.js';

export type TokenizerFamily = keyof typeof families;
export const tokenizerFamilies = Object.keys(families) as [TokenizerFamily, ...TokenizerFamily[]];

/** Of a model as the router names it. A router that is newer than its caller may name a family that the caller does not know. */
export function tokenizerFamilyOf(name: string): TokenizerFamily {
  return tokenizerFamilies.find((family) => family === name) ?? 'o200k';
}

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

/** No vocabulary is so much better than o200k: what is below is a text that the weights were not made for. */
const SHARE_OF_O200K_MIN = 0.5;

/** Special tokens in a text are counted as the plain characters they are for a model's user. */
const asPlainText = { allowedSpecial: new Set<string>(), disallowedSpecial: new Set<string>() };

/**
 * Number of tokens of a text for a model of that family; exact for o200k, within a few per cent for the others.
 *
 * Above `exactUpTo` tokens the rest of the text is estimated from what was counted, so that the work is bounded by the
 * number that matters (a context length) and not by the length of the text.
 */
export function countTokens(text: string, family: TokenizerFamily, exactUpTo = Infinity): number {
  let tokens = 0;
  for (let start = 0; start < text.length; start += PIECE_CHARACTERS) {
    const piece = text.slice(start, start + PIECE_CHARACTERS);
    tokens += family === 'o200k' ? countPiece(piece) : inFamily(piece, countPiece(piece), family);
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

/** A piece of so many tokens of o200k. */
function inFamily(piece: string, o200k: number, family: TokenizerFamily): number {
  const counts: Record<string, number> = { o200k, ...countFeatures(piece) };
  const tokens = Object.entries(families[family]).reduce(
    (sum, [name, weight]) => sum + (counts[name] ?? 0) * weight,
    0,
  );
  return Math.max(tokens, o200k * SHARE_OF_O200K_MIN);
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
