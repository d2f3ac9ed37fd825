import { LogParser, TemplateMiner } from '@tollgate/logs';
import { generatedLine, randomNumbers } from './logs-generator.js';
import type { Section } from './logs-section.js';

const INPUTS = 10_000;
const QUICK_INPUTS = 2_000;

/** Hostile input: nothing crashes, every line is counted, and twice the input takes about twice the time. */
export const robustnessSection: Section = {
  name: 'robustness',
  async run({ isQuick }) {
    const inputs = isQuick ? QUICK_INPUTS : INPUTS;
    const random = randomNumbers(11);
    let lost = 0;
    for (let index = 0; index < inputs; index += 1) {
      const input = generatedInput(random, index);
      const { lines, covered, counted } = analyse(input);
      if (lines !== linesOf(input) || covered !== lines || counted !== covered) lost += 1;
    }
    const slowest = Object.entries(giants).map(([name, build]) => [name, growth(build)] as const);
    console.log(`${inputs} generated inputs: ${lost} with lines lost`);
    for (const [name, factor] of slowest) console.log(`4 times as much of ${name}: ${factor.toFixed(1)} times as long`);
    return { robustnessFailures: lost, worstGrowth: Math.max(...slowest.map(([, factor]) => factor)) };
  },
};

/** Each is `size` bytes or so of what a careless parser takes quadratic time for. */
const giants: Record<string, (size: number) => Buffer> = {
  'one line of words': (size) => Buffer.from('word '.repeat(size / 5)),
  'one line of brackets': (size) => Buffer.from('['.repeat(size)),
  'one line of quotes after =': (size) => Buffer.from('a="'.repeat(size / 3)),
  'one line of digits and dots': (size) => Buffer.from('1.'.repeat(size / 2)),
  'one line of spaces': (size) => Buffer.from(' '.repeat(size)),
  'lines that are all different': (size) => {
    const random = randomNumbers(3);
    return Buffer.from(Array.from({ length: size / 40 }, () => words(random, 6)).join('\n'));
  },
  'frames of a stack trace': (size) =>
    Buffer.from(`2024-01-31 10:00:00 ERROR x\n${'\tat a.b(C.java:1)\n'.repeat(size / 19)}`),
  'unclosed braces': (size) => Buffer.from('{"a":{'.repeat(size / 6)),
};

function analyse(input: Buffer): { lines: number; covered: number; counted: number } {
  const miner = new TemplateMiner();
  let covered = 0;
  let events = 0;
  const parser = new LogParser({
    onEvent: (event) => {
      covered += event.lineCount;
      events += 1;
      miner.add(event);
    },
  });
  for (let start = 0; start < input.length; start += 65_536) parser.write(input.subarray(start, start + 65_536));
  const { lines } = parser.end();
  const counted = miner.templates().templates.reduce((sum, { count }) => sum + count, 0);
  return { lines, covered, counted: counted === events ? covered : -1 };
}

/** How many times longer four times the input takes; the best of three, as the machine has other things to do. */
function growth(build: (size: number) => Buffer): number {
  const time = (input: Buffer) =>
    Math.min(
      ...Array.from({ length: 3 }, () => {
        const startedAt = performance.now();
        analyse(input);
        return performance.now() - startedAt;
      }),
    );
  const size = 300_000;
  return time(build(4 * size)) / time(build(size));
}

const fragments = [
  '\n', '\r\n', '\r', '\0', '\t', '\u001b[31m', '\u001b', '{"msg":"x"}', '{"msg":', '[', ']', '"', '=', '|', ': ', ' - ', 'INFO ', '<34>',
  '<34>1 ', 'a=b ', '    at x(y.js:1)\n', 'Caused by: z\n', '2024-01-31T10:00:00Z ', 'Jan  3 10:00:00 host app[1]: ', 'api-1  | ', 'é', '\uFEFF',
  '2024-01-31T10:00:00.1Z stdout F ', 'E0131 10:00:00.123456 1 a.go:1] ', 'level=info msg="',
]; // prettier-ignore

function generatedInput(random: () => number, index: number): Buffer {
  const pieces: Buffer[] = [];
  const count = 1 + Math.floor(random() * 40);
  for (let piece = 0; piece < count; piece += 1) {
    const kind = random();
    if (kind < 0.2) pieces.push(Buffer.from(Array.from({ length: 20 }, () => Math.floor(random() * 256))));
    else if (kind < 0.6) pieces.push(Buffer.from(fragments[Math.floor(random() * fragments.length)] ?? ''));
    else if (kind < 0.65) pieces.push(Buffer.from('x1 '.repeat(Math.floor(random() * 3_000))));
    else pieces.push(Buffer.from(`${generatedLine(random, index * 100 + piece)}${random() < 0.8 ? '\n' : ''}`));
  }
  return Buffer.concat(pieces);
}

function linesOf(input: Buffer): number {
  let breaks = 0;
  for (const byte of input) if (byte === 10) breaks += 1;
  return input.length === 0 || input.at(-1) === 10 ? breaks : breaks + 1;
}

function words(random: () => number, count: number): string {
  return Array.from({ length: count }, () =>
    String.fromCharCode(...Array.from({ length: 6 }, () => 97 + random() * 26)),
  ).join(' ');
}
