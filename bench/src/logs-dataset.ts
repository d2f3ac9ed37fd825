import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One line of a log and what is known to be true of it. */
export interface TruthLine {
  content: string;
  template: string;
  level: string | undefined;
}

/** A log with its truth, in the layout of Loghub: `X/X_2k.log` and `X/X_2k.log_structured_corrected.csv`. */
export interface DataSet {
  name: string;
  /** The raw lines, by line number less one. */
  lines: string[];
  truth: TruthLine[];
}

/** All sets in `folder` that have a truth; the corrected one where there are two. */
export async function readDataSets(folder: string): Promise<DataSet[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const sets = await Promise.all(
    entries.filter((entry) => entry.isDirectory()).map(({ name }) => readDataSet(join(folder, name), name)),
  );
  return sets.filter((set) => set !== undefined).sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function readDataSet(folder: string, name: string): Promise<DataSet | undefined> {
  const files = await readdir(folder);
  const truthFile =
    files.find((file) => file.endsWith('_corrected.csv')) ?? files.find((file) => file.endsWith('_structured.csv'));
  const logFile = files.find((file) => truthFile?.startsWith(file) === true && file.endsWith('.log'));
  if (truthFile === undefined || logFile === undefined) return undefined;
  const [log, csv] = await Promise.all([logFile, truthFile].map((file) => readFile(join(folder, file), 'utf8')));
  const lines = (log ?? '').split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return { name, lines, truth: truthOf(csv ?? '') };
}

function truthOf(csv: string): TruthLine[] {
  const [names = [], ...rows] = readCsv(csv);
  const column = (name: string) => names.indexOf(name);
  const [content, template, level, line] = ['Content', 'EventTemplate', 'Level', 'LineId'].map(column);
  const truth: TruthLine[] = [];
  for (const row of rows) {
    const at = (index: number | undefined) => (index === undefined || index < 0 ? undefined : row[index]);
    truth[Number(at(line)) - 1] = { content: at(content) ?? '', template: at(template) ?? '', level: at(level) };
  }
  return truth;
}

/** RFC 4180. */
export function readCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = 0;
  while (at < text.length) {
    let field: string;
    [field, at] = text.charCodeAt(at) === 34 ? readQuoted(text, at) : readPlain(text, at);
    row.push(field);
    if (text.charCodeAt(at) === 44) {
      at += 1;
      if (at < text.length) continue;
      row.push('');
    }
    rows.push(row);
    row = [];
    at = text.charCodeAt(at) === 13 ? at + 2 : at + 1;
  }
  return rows;
}

function readPlain(text: string, start: number): [string, number] {
  let end = start;
  while (end < text.length && !',\r\n'.includes(text.charAt(end))) end += 1;
  return [text.slice(start, end), end];
}

function readQuoted(text: string, start: number): [string, number] {
  let end = start + 1;
  while (end < text.length && (text.charCodeAt(end) !== 34 || text.charCodeAt(end + 1) === 34)) {
    end += text.charCodeAt(end) === 34 ? 2 : 1;
  }
  return [text.slice(start + 1, end).replaceAll('""', '"'), end + 1];
}
