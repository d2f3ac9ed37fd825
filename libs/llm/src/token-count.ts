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

/** Longer texts are counted in pieces: the tokenizer merges within words, so a piece boundary costs a token at most. */
const PIECE_CHARACTERS = 64 * 1024;

/** Special tokens in a text are counted as the plain characters they are for a model's user. */
const asPlainText = { allowedSpecial: new Set<string>(), disallowedSpecial: new Set<string>() };

/** Number of tokens of a text for a model of that family; exact for o200k, within a few per cent for the others. */
export function countTokens(text: string, family: TokenizerFamily): number {
  const { scale, perDigit } = families[family];
  let tokens = 0;
  for (let start = 0; start < text.length; start += PIECE_CHARACTERS) {
    tokens += countO200k(text.slice(start, start + PIECE_CHARACTERS), asPlainText);
  }
  return Math.ceil(tokens * scale + (perDigit > 0 ? countDigits(text) * perDigit : 0));
}

/** The prompt as the model sees it: every message with the template around it. */
export function countPromptTokens(messages: readonly ChatMessage[], family: TokenizerFamily): number {
  return messages.reduce((sum, { content }) => sum + countTokens(content, family) + TOKENS_PER_MESSAGE, 0);
}

function countDigits(text: string): number {
  let digits = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code >= 48 && code <= 57) digits += 1;
  }
  return digits;
}
