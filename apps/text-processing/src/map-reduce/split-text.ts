const sentences = new Intl.Segmenter(undefined, { granularity: 'sentence' });

/**
 * Cuts a text into pieces of at most `tokensMax` tokens each, at the ends of sentences; a sentence that is longer than that
 * is cut at spaces, and a word that is longer anywhere. Joined, the pieces are the text.
 */
export function splitText(text: string, tokensMax: number, countTokens: (text: string) => number): string[] {
  const pieces: string[] = [];
  let piece = '';
  let pieceTokens = 0;
  for (const sentence of sentencesOf(text, tokensMax, countTokens)) {
    const tokens = countTokens(sentence);
    if (piece !== '' && pieceTokens + tokens > tokensMax) {
      pieces.push(piece);
      [piece, pieceTokens] = ['', 0];
    }
    piece += sentence;
    pieceTokens += tokens;
  }
  if (piece !== '') pieces.push(piece);
  return pieces;
}

function* sentencesOf(text: string, tokensMax: number, countTokens: (text: string) => number): Generator<string> {
  for (const { segment } of sentences.segment(text)) yield* halved(segment, tokensMax, countTokens);
}

function* halved(text: string, tokensMax: number, countTokens: (text: string) => number): Generator<string> {
  if (text.length <= 1 || countTokens(text) <= tokensMax) return yield text;
  const middle = cutNear(text, Math.floor(text.length / 2));
  yield* halved(text.slice(0, middle), tokensMax, countTokens);
  yield* halved(text.slice(middle), tokensMax, countTokens);
}

/** After a space in the second quarter, if there is one; never inside a surrogate pair. */
function cutNear(text: string, middle: number): number {
  const space = text.lastIndexOf(' ', middle - 1);
  if (space >= middle / 2) return space + 1;
  const code = text.charCodeAt(middle);
  const isInsidePair = code >= 0xdc00 && code <= 0xdfff && middle > 1;
  return isInsidePair ? middle - 1 : middle;
}
