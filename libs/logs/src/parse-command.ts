import { closeSync, openSync, writeSync } from 'node:fs';
import { csvRow } from './csv.js';
import type { LogEvent } from './log-event.js';
import { LogParser, type ParseTotals } from './log-parser.js';
import { openLog, type LogSource } from './log-source.js';
import { TemplateMiner, type MinedTemplates } from './template-miner.js';

const columns = ['LineId', 'Time', 'Level', 'Component', 'Content', 'EventId', 'EventTemplate'];
const BUFFERED_CHARACTERS = 1_000_000;
const STDOUT = 1;

/**
 * Writes a row for every line of a log. Reads it twice, first for the templates and then for the rows, so that it keeps
 * four bytes of a line and not the line. `outputPath` undefined or `-` is standard output.
 */
export async function parseCommand(inputPath: string, outputPath: string | undefined): Promise<ParseTotals> {
  const source = await openLog(inputPath);
  try {
    const referenceMs = Date.now();
    const miner = new TemplateMiner();
    const shapes = new NumberList();
    await forEachEvent(source, referenceMs, (event) => shapes.push(miner.add(event)));
    const output = outputPath === undefined || outputPath === '-' ? STDOUT : openSync(outputPath, 'w');
    try {
      return await writeRows(source, output, referenceMs, shapes, miner.templates());
    } finally {
      if (output !== STDOUT) closeSync(output);
    }
  } finally {
    await source.close();
  }
}

async function writeRows(
  source: LogSource,
  output: number,
  referenceMs: number,
  shapes: NumberList,
  mined: MinedTemplates,
): Promise<ParseTotals> {
  let text = csvRow(columns);
  let index = 0;
  const totals = await forEachEvent(source, referenceMs, (event) => {
    text += rowsOf(event, mined, shapes.at(index));
    index += 1;
    if (text.length < BUFFERED_CHARACTERS) return;
    writeSync(output, text);
    text = '';
  });
  writeSync(output, text);
  return totals;
}

/** The lines that go on with an event have its template and their own text. */
function rowsOf(
  { line, lineCount, timeMs, levelText, process, component, message, continuation }: LogEvent,
  mined: MinedTemplates,
  shape: number,
): string {
  const { id, text } = mined.templateOf(shape);
  const time = timeMs === undefined ? undefined : new Date(timeMs).toISOString();
  const row = (offset: number, content: string) =>
    csvRow([line + offset, time, levelText, component ?? process, content, id, text]);
  let rows = row(0, message);
  for (let offset = 1; offset < lineCount; offset += 1)
    rows += row(offset, continuation[continuation.length - lineCount + offset] ?? '');
  return rows;
}

async function forEachEvent(
  source: LogSource,
  referenceMs: number,
  onEvent: (event: LogEvent) => void,
): Promise<ParseTotals> {
  const parser = new LogParser({ onEvent, referenceMs });
  for await (const chunk of source.read()) parser.write(chunk);
  return parser.end();
}

/** A list of whole numbers with four bytes for each. */
class NumberList {
  #numbers = new Int32Array(1_024);
  #length = 0;

  push(number: number): void {
    if (this.#length === this.#numbers.length) {
      const larger = new Int32Array(this.#length * 2);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#numbers[this.#length] = number;
    this.#length += 1;
  }

  at(index: number): number {
    const number = index < this.#length ? this.#numbers[index] : undefined;
    if (number === undefined) throw new RangeError('The log has changed between its two readings');
    return number;
  }
}
