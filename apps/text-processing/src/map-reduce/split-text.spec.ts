import { splitText } from './split-text.js';

const words = (text: string) => text.split(/\s+/).filter((word) => word !== '').length;
const characters = (text: string) => text.length;

describe('splitText', () => {
  it('ends every piece with a sentence', () => {
    const text = 'One two three. Four five six! Seven eight? Nine ten.';
    expect(splitText(text, 6, words)).toEqual(['One two three. Four five six! ', 'Seven eight? Nine ten.']);
  });

  it('leaves a text that fits in one piece', () => {
    expect(splitText('One two. Three.', 3, words)).toEqual(['One two. Three.']);
    expect(splitText('', 3, words)).toEqual([]);
  });

  it('cuts a sentence that is too long at a space', () => {
    const pieces = splitText('alpha beta gamma delta epsilon zeta', 12, characters);
    expect(pieces.every((piece) => piece.length <= 12)).toBe(true);
    expect(pieces.join('')).toBe('alpha beta gamma delta epsilon zeta');
    expect(pieces.slice(0, -1).every((piece) => piece.endsWith(' '))).toBe(true);
  });

  it.each([
    ['no spaces', 'x'.repeat(1_000)],
    ['emoji', '\u{1f600}'.repeat(300)],
    ['Chinese', '收费站拦住道路。用户付费后放行。'.repeat(40)],
    ['lines', 'a line\r\nanother\n\n\nlast'.repeat(30)],
  ])('loses nothing of %s, and no piece is too long', (_, text) => {
    const pieces = splitText(text, 50, characters);
    expect(pieces.join('')).toBe(text);
    expect(Math.max(...pieces.map(characters))).toBeLessThanOrEqual(50);
    expect(pieces.every((piece) => encodeURIComponent(piece) !== '')).toBe(true); // Throws on half a surrogate pair.
  });
});
