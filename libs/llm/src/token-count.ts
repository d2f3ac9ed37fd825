import type { ChatMessage } from '@tollgate/contracts';
import { encode } from './encode.js';
import { estimate, tokenizerFamilies } from './token-families.js';

export type TokenizerFamily = (typeof tokenizerFamilies)[number];

/** Of a model as the router names it. A router that is newer than its caller may name a family that the caller does not know. */
export function tokenizerFamilyOf(name: string): TokenizerFamily {
  return tokenizerFamilies.find((family) => family === name) ?? 'o200k';
}

/** Chat templates wrap every message in about this many tokens. */
const TOKENS_PER_MESSAGE = 4;

/** Texts are counted in pieces of this length; each boundary may cost a token. */
const PIECE_CHARACTERS = 8 * 1024;

/**
 * Number of tokens of a text for a model of that family; exact for o200k, but for words of more than 64 letters. For the others
 * 19 of 20 estimates are within 6 % on English, code, data and logs and in widely used languages; of a short text, a token or two may
 * be more than that.
 *
 * Above `exactUpTo` tokens the rest of the text is estimated from what was counted, so that the work is bounded by the
 * number that matters (a context length) and not by the length of the text.
 */
export function countTokens(text: string, family: TokenizerFamily, exactUpTo = Infinity): number {
  let tokens = 0;
  for (let start = 0; start < text.length; start += PIECE_CHARACTERS) {
    const piece = text.slice(start, start + PIECE_CHARACTERS);
    const o200k = encode(piece);
    tokens += family === 'o200k' ? o200k.length : estimate(family, o200k);
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
