/** Kinds of characters as bits, so that a word's characters can be or-ed together. */
export const Character = {
  hard: 0,
  letter: 1,
  hexLetter: 2,
  digit: 4,
  dot: 8,
  colon: 16,
  slash: 32,
  other: 64,
} as const;

const kinds = new Uint8Array(128).fill(Character.other);
for (let code = 0; code < 33; code += 1) kinds[code] = Character.hard;
kinds[27] = Character.other;
for (const mark of ',;=|"\'()[]{}<>`') kinds[mark.charCodeAt(0)] = Character.hard;
for (let code = 65; code <= 90; code += 1) kinds[code] = kinds[code + 32] = Character.letter;
for (const letter of 'abcdefABCDEF') kinds[letter.charCodeAt(0)] = Character.hexLetter;
for (let code = 48; code <= 57; code += 1) kinds[code] = Character.digit;
kinds[46] = Character.dot;
kinds[58] = Character.colon;
kinds[47] = Character.slash;
kinds[92] = Character.slash;

/** Whatever is not ASCII counts as a letter. */
export function kindOfCharacter(code: number): number {
  return code < 128 ? (kinds[code] ?? Character.other) : Character.letter;
}

/** Ends a word wherever it stands: spaces, quotes, brackets, comma, semicolon, `=`, `|`. */
export function isHardDelimiter(code: number): boolean {
  return code < 128 && kinds[code] === Character.hard;
}

/** 0 to 9 */
export const isDigit = (code: number) => code >= 48 && code <= 57;
/** A to Z and a to z */
export const isAsciiLetter = (code: number) => (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
/** " and ' */
export const isQuote = (code: number) => code === 34 || code === 39;
/** A space or a tab */
export const isSpace = (code: number) => code === SPACE || code === TAB;

export const TAB = 9;
export const SPACE = 32;
export const PLUS = 43;
export const COMMA = 44;
export const DASH = 45;
export const DOT = 46;
export const SLASH = 47;
export const COLON = 58;
export const SEMICOLON = 59;
export const LESS = 60;
export const EQUALS = 61;
export const GREATER = 62;
export const OPENING_BRACKET = 91;
export const CLOSING_BRACKET = 93;
export const OPENING_BRACE = 123;
export const BAR = 124;
export const CLOSING_BRACE = 125;
