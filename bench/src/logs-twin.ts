import { levelOf } from '@tollgate/logs';
import type { DataSet } from './logs-dataset.js';

/** Words that tell what something is, and not what a system says: dates, zones, units. */
const keptWords = new Set(
  (
    'jan feb mar apr may jun jul aug sep oct nov dec january february march april june july august september october ' +
    'november december mon tue wed thu fri sat sun utc gmt pst pdt est edt cet cest ms ns us sec min kb mb gb kib mib gib bytes am pm'
  ).split(' '),
);
const consonants = 'bcdfghjklmnprstvz';
const vowels = 'aeiou';

/**
 * The same log of a system that does not exist: every word is replaced by a pseudo-word, the same one everywhere, with its
 * case, while digits, punctuation, hexadecimal numbers, dates, units and levels stay. Code that knows its examples fails on it.
 */
export function renamedTwin({ name, lines, truth }: DataSet, seed: number): DataSet {
  const words = new Map<string, string>();
  const taken = new Set<string>();
  const rename = (text: string) => text.replace(/\p{L}+/gu, (word, at: number) => renamed(word, text, at));
  const renamed = (word: string, text: string, at: number): string => {
    const lower = word.toLowerCase();
    if (word.length < 2 || keptWords.has(lower) || levelOf(lower) !== undefined || isInHex(word, text, at)) return word;
    let pseudo = words.get(lower);
    for (let attempt = 0; pseudo === undefined; attempt += 1) {
      const candidate = pseudoWord(lower, seed + attempt);
      if (taken.has(candidate) || keptWords.has(candidate) || levelOf(candidate) !== undefined) continue;
      taken.add(candidate);
      words.set(lower, candidate);
      pseudo = candidate;
    }
    return withCaseOf(word, pseudo);
  };
  return {
    name: `${name}'`,
    lines: lines.map(rename),
    truth: truth.map(({ content, template, level }) => ({
      content: rename(content),
      template: rename(template),
      level,
    })),
  };
}

/** Letters a to f beside digits, or as two of them between the colons of an address. */
function isInHex(word: string, text: string, at: number): boolean {
  if (!/^[a-fx]+$/i.test(word)) return false;
  const [before, after] = [text.slice(Math.max(0, at - 3), at), text.slice(at + word.length, at + word.length + 3)];
  if (/\d$/.test(before) || /^\d/.test(after)) return true;
  return word.length === 2 && (/[\da-f]{2}:$/i.test(before) || /^:[\da-f]{2}/i.test(after));
}

/** As long as `word`, or one or two letters longer after many attempts. */
function pseudoWord(word: string, seed: number): string {
  let state = seed;
  for (let index = 0; index < word.length; index += 1)
    state = Math.imul(state ^ word.charCodeAt(index), 0x01000193) >>> 0;
  const length = word.length + Math.floor((seed % 64) / 32);
  let result = '';
  for (let index = 0; index < length; index += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const letters = index % 2 === 0 ? consonants : vowels;
    result += letters.charAt((state >>> 16) % letters.length);
  }
  return result;
}

function withCaseOf(word: string, pseudo: string): string {
  let result = '';
  for (let index = 0; index < pseudo.length; index += 1) {
    const original = word.charAt(Math.min(index, word.length - 1));
    const letter = pseudo.charAt(index);
    result += original === original.toUpperCase() ? letter.toUpperCase() : letter;
  }
  return result;
}
