import { countPromptTokens, splitIntoPieces } from './simulator-tokens.js';

const MEBIBYTE = 1 << 20;

describe('the tokens of the simulator', () => {
  it.each(['a', ' ', '=', '字', '😀', 'ab\n'.repeat(50)])('a mebibyte of %j takes no longer than prose', (text) => {
    const long = text.repeat(MEBIBYTE / text.length);
    const startedAt = performance.now();
    const counted = countPromptTokens([{ content: long }]);
    const pieces = splitIntoPieces(long);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(pieces.map((piece) => piece.text).join('') === long).toBe(true);
    expect(pieces.reduce((sum, { tokens }) => sum + tokens, 4)).toBe(counted);
  });
});
