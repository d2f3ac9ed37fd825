import { countTokens as countWithO200k, decode, encode } from 'gpt-tokenizer/encoding/o200k_base';

/** A run of whole characters and the number of tokens that it took to make them. */
export interface Piece {
  text: string;
  tokens: number;
}

const tokensPerMessage = 4;
const RUN_CHARACTERS_MAX = 128;
// A prompt that mentions <|endoftext|> is text like any other here.
const asPlainText = { disallowedSpecial: new Set<string>() };

export function countPromptTokens(messages: readonly { content: string }[]): number {
  return messages.reduce((sum, { content }) => sum + countTokens(content) + tokensPerMessage, 0);
}

function countTokens(text: string): number {
  return splitLongRuns(text).reduce((sum, part) => sum + countWithO200k(part, asPlainText), 0);
}

/**
 * A text in parts without a run (of spaces, or of anything else) of more than 128 characters: the tokenizer takes time in
 * the square of a run. Where a run is cut, a token that spans the cut becomes two.
 */
function splitLongRuns(text: string): string[] {
  const cuts = [0];
  for (const { 0: run, index } of text.matchAll(/\S{129,}|\s{129,}/g)) {
    for (let at = RUN_CHARACTERS_MAX; at < run.length; at += RUN_CHARACTERS_MAX) {
      // Not between the halves of a surrogate pair.
      const isInsidePair = /[\udc00-\udfff]/.test(run.charAt(at));
      cuts.push(index + at - (isInsidePair ? 1 : 0));
    }
  }
  return cuts.map((cut, index) => text.slice(cut, cuts[index + 1]));
}

/**
 * Cuts a text into its o200k tokens. A character that spans several tokens becomes one piece of several tokens.
 *
 * gpt-tokenizer decodes with one streaming TextDecoder for the whole process: an unfinished character gives '' and is held for
 * the next call. This is why the loop must stay synchronous, and what makes the merge below right.
 */
export function splitIntoPieces(text: string): Piece[] {
  const pieces: Piece[] = [];
  let tokens = 0;
  for (const token of splitLongRuns(text).flatMap((part) => encode(part, asPlainText))) {
    tokens += 1;
    const decoded = decode([token]);
    if (decoded === '') continue;
    pieces.push({ text: decoded, tokens });
    tokens = 0;
  }
  if (tokens > 0) pieces.push({ text: '', tokens });
  return pieces;
}

/** The longest start of the pieces that costs at most `tokensMax` tokens. */
export function limitPieces<P extends Piece>(pieces: readonly P[], tokensMax: number): P[] {
  let tokens = 0;
  const end = pieces.findIndex((piece) => (tokens += piece.tokens) > tokensMax);
  return end === -1 ? [...pieces] : pieces.slice(0, end);
}
