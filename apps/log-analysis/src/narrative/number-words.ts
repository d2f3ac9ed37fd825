const units = 'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen';
const words = new Map<string, number>([
  ...`${units} seventeen eighteen nineteen`.split(' ').map((word, value) => [word, value] as const),
  ...'twenty thirty forty fifty sixty seventy eighty ninety'
    .split(' ')
    .map((word, at) => [word, 10 * at + 20] as const),
]);
const scales = new Map([
  ['dozen', 12],
  ['hundred', 100],
  ['thousand', 1_000],
  ['million', 1_000_000],
]);
/** The longest first: "seventy" is no "seven". */
const spellings = [...words.keys(), ...scales.keys()].toSorted((a, b) => b.length - a.length);
const run = new RegExp(`\\b(?:${spellings.join('|')})s?(?:[\\s-]+(?:and\\s+)?(?=[a-z]))?`, 'gi');

/** A number that is written out. */
export interface WrittenNumber {
  value: number;
  /** `hundreds of`: so many at the least, and nobody knows how many. */
  isVague: boolean;
}

/** The numbers that a sentence writes out: "twenty-one", "three hundred", "dozens". A lone "one" is no number. */
export function writtenNumbers(sentence: string): WrittenNumber[] {
  const found: WrittenNumber[] = [];
  let end = -1;
  let total = 0;
  let current = 0;
  let pieces: string[] = [];
  const close = () => {
    const [only] = pieces;
    const isVague =
      pieces.length === 1 && only !== undefined && scales.has(only.replace(/s$/, '')) && only.endsWith('s');
    if (pieces.length > 0 && !(pieces.length === 1 && only === 'one')) found.push({ value: total + current, isVague });
    [total, current, pieces] = [0, 0, []];
  };
  for (const match of sentence.matchAll(run)) {
    const word = match[0].toLowerCase().replace(/[\s-]+(and\s+)?$/, '');
    const isWhole = !/[a-z]/i.test(sentence.charAt(match.index + word.length));
    if (match.index !== end) close();
    end = match.index + match[0].length;
    if (!isWhole) continue;
    const scale = scales.get(word) ?? scales.get(word.replace(/s$/, ''));
    if (scale === undefined) current += words.get(word) ?? 0;
    else if (scale >= 1_000) [total, current] = [total + (current || 1) * scale, 0];
    else current = (current || 1) * scale;
    pieces.push(word);
  }
  close();
  return found;
}
