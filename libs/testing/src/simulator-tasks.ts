/** A prompt of text-processing, read back: "TASK: … ADDITIONAL USER INSTRUCTIONS: … TEXT: … OUTPUT: …". */
export interface Task {
  kind: 'summary' | 'translate' | 'rephrase' | 'remove_repetitions' | 'other';
  instructions: string;
  /** What the user asked for on top of the task, when refining or regenerating. */
  feedback: string;
  text: string;
}

const kinds: [Exclude<Task['kind'], 'other'>, RegExp][] = [
  ['summary', /summar/i],
  ['translate', /translat/i],
  ['rephrase', /rephras|paraphras|reword/i],
  ['remove_repetitions', /repetiti|repeat|duplicat|redundan/i],
];

const excerptCharsMax = 240;
const sentencesOfBrief = 2;
const sentencesOfDetailed = 8;
const bulletsMax = 5;

export function findTask(prompt: string): Task | undefined {
  const text = /^(?:TEXT|ORIGINAL TEXT|CURRENT (?:TEXT|RESULT|OUTPUT|VERSION)):[ \t]*\n?(?<text>[^]*)^OUTPUT:/m.exec(
    prompt,
  );
  if (!text?.groups?.['text']) return undefined;
  const head = prompt.slice(0, text.index);
  const role = head.split(/^RULES:/m, 1)[0] ?? '';
  const instructions = sectionOf(head, 'TASK');
  return {
    kind: kindOf(`${role}\n${instructions}`),
    instructions,
    feedback: sectionOf(prompt, '(?:ADDITIONAL )?(?:USER )?(?:INSTRUCTIONS|FEEDBACK)'),
    text: withoutFences(text.groups['text']),
  };
}

export function answerTask(task: Task): string {
  const asked = task.feedback === '' ? '' : `\n\n(Asked for: ${excerptOf(task.feedback)})`;
  return resultOf(task) + asked;
}

/** The first words of a text on one line, cut between characters. */
export function excerptOf(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, ' ');
  const characters = Array.from(line.slice(0, 2 * excerptCharsMax));
  return characters.length <= excerptCharsMax ? line : `${characters.slice(0, excerptCharsMax).join('')}…`;
}

function sectionOf(prompt: string, heading: string): string {
  return new RegExp(`^${heading}:[ \\t]*\\n?([^]*?)(?=^[A-Z][A-Z ]+:|$(?![^]))`, 'm').exec(prompt)?.[1]?.trim() ?? '';
}

/** The kind that is named first: a summary's task also says "exclude repetitive details". */
function kindOf(instructions: string): Task['kind'] {
  const named = kinds
    .map(([kind, pattern]) => ({ kind, index: instructions.search(pattern) }))
    .filter(({ index }) => index >= 0)
    .toSorted((left, right) => left.index - right.index);
  return named[0]?.kind ?? 'other';
}

function withoutFences(text: string): string {
  const fence = /^(?:<\/?[\w-]+>|`{3,}\w*|"{3}|-{3,})$/;
  const lines = text.trim().split('\n');
  if (fence.test(lines[0]?.trim() ?? '')) lines.shift();
  if (fence.test(lines.at(-1)?.trim() ?? '')) lines.pop();
  return lines.join('\n').trim();
}

function resultOf({ kind, instructions, feedback, text }: Task): string {
  const wanted = `${instructions}\n${feedback}`;
  switch (kind) {
    case 'summary':
      return summaryOf(text, wanted);
    case 'translate':
      return `(${/\b(?:into|to) ([\p{L}][\p{L} ()-]*)/u.exec(instructions)?.[1]?.trim() ?? 'translated'}) ${text}`;
    case 'rephrase':
      return sentencesOf(text).map(rephrase).join(' ');
    case 'remove_repetitions':
      return withoutRepetitions(sentencesOf(text)).join(' ');
    case 'other':
      return summaryOf(text, `${wanted}\nin detail`);
  }
}

function summaryOf(text: string, wanted: string): string {
  const sentences = sentencesOf(text).map(excerptOf);
  if (/bullet/i.test(wanted)) {
    return sentences
      .slice(0, bulletsMax)
      .map((sentence) => `\n- ${sentence}`)
      .join('');
  }
  return sentences
    .slice(0, /detail(?!s)|comprehensive/i.test(wanted) ? sentencesOfDetailed : sentencesOfBrief)
    .join(' ');
}

function sentencesOf(text: string): string[] {
  const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' });
  return Array.from(segmenter.segment(text), ({ segment }) => segment.trim()).filter((sentence) => sentence !== '');
}

function withoutRepetitions(sentences: string[]): string[] {
  const bySense = new Map<string, string>();
  for (const sentence of sentences) {
    const sense = sentence
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
      .trim();
    if (!bySense.has(sense)) bySense.set(sense, sentence);
  }
  return [...bySense.values()];
}

const synonyms = new Map([
  ['also', 'likewise'],
  ['because', 'since'],
  ['big', 'large'],
  ['but', 'yet'],
  ['fast', 'quick'],
  ['get', 'obtain'],
  ['help', 'assist'],
  ['however', 'nevertheless'],
  ['important', 'essential'],
  ['many', 'numerous'],
  ['need', 'require'],
  ['new', 'recent'],
  ['quickly', 'rapidly'],
  ['show', 'indicate'],
  ['shows', 'indicates'],
  ['start', 'begin'],
  ['use', 'employ'],
  ['uses', 'employs'],
]);

/** Swaps the clauses of "a, b." and a few words. */
function rephrase(sentence: string): string {
  const [, first, second, end = ''] = /^([^,]+), ([^,]+?)([.!?]?)$/u.exec(sentence) ?? [];
  const reordered = first && second ? `${second}, ${first}${end}` : sentence;
  return reordered.replaceAll(/\p{L}+/gu, (word) => synonyms.get(word) ?? word);
}
