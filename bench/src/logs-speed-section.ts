import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { LogAnalysis, LogParser, TemplateMiner, type LogEvent } from '@tollgate/logs';
import { generatedLine, randomNumbers } from './logs-generator.js';
import type { Section } from './logs-section.js';
import { textTable } from './logs-table.js';

const CHUNK_BYTES = 64 * 1_024;
const MEMORY_LINES = 1_000_000;

/** Lines a second of the whole pipeline on one core, beside JSON.parse of the same lines; memory for a million lines. */
export const speedSection: Section = {
  name: 'speed',
  async run({ isQuick }) {
    const count = isQuick ? 200_000 : 400_000;
    const rounds = isQuick ? 4 : 8;
    const best = { json: jsonParseSpeed(count, rounds), report: 0, templates: 0 };
    const log = Buffer.concat([...generatedChunks(count)]);
    for (let round = 0; round < rounds; round += 1) {
      best.report = Math.max(best.report, count / secondsOf(() => analyse(log)));
      best.templates = Math.max(best.templates, count / secondsOf(() => mine(log)));
    }
    const row = (name: string, speed: number) => [name, speed.toFixed(0), (speed / best.json).toFixed(2)];
    const bytes = (log.length / count - 1).toFixed(0);
    console.log(
      textTable(
        [`lines of ${bytes} bytes`, 'lines/s', '× JSON.parse'],
        [
          row('bytes to the whole report', best.report),
          row('bytes to templates and their values', best.templates),
          row('JSON.parse of the same as records', best.json),
        ],
      ),
    );
    const memoryMegabytes = measureMemory();
    console.log(`${MEMORY_LINES} lines, in a process of their own: ${memoryMegabytes.toFixed(0)} MB at most`);
    return {
      linesPerSecond: best.report,
      templateLinesPerSecond: best.templates,
      jsonParseLinesPerSecond: best.json,
      memoryMegabytes,
    };
  },
};

/** Used by the process that measures memory. */
export function* generatedChunks(count: number): Generator<Buffer> {
  const random = randomNumbers(7);
  let text = '';
  for (let index = 0; index < count; index += 1) {
    text += `${generatedLine(random, index)}\n`;
    if (text.length < CHUNK_BYTES) continue;
    yield Buffer.from(text);
    text = '';
  }
  yield Buffer.from(text);
}

/** Of the same lines as records, in the best round: the first ones are slower until the code is compiled. */
function jsonParseSpeed(count: number, rounds: number): number {
  const random = randomNumbers(7);
  const records = Array.from({ length: count }, (_, index) => {
    const line = generatedLine(random, index);
    return JSON.stringify({ time: line.slice(0, 24), level: 'INFO', msg: line.slice(30) });
  });
  const parseAll = () => records.forEach((record) => JSON.parse(record));
  return Math.max(...Array.from({ length: rounds }, () => count / secondsOf(parseAll)));
}

/** Formats, headers, times, templates, sessions, errors, anomalies and correlations. */
function analyse(log: Buffer): void {
  const analysis = new LogAnalysis();
  read(log, (event) => analysis.add(event));
  analysis.report();
}

function mine(log: Buffer): void {
  const miner = new TemplateMiner();
  read(log, (event) => miner.add(event));
  miner.templates();
}

function read(log: Buffer, onEvent: (event: LogEvent) => void): void {
  const parser = new LogParser({ onEvent });
  for (let start = 0; start < log.length; start += CHUNK_BYTES) parser.write(log.subarray(start, start + CHUNK_BYTES));
  parser.end();
}

/** Of processor time of all threads, garbage collection included: what else runs on the machine does not count. */
function secondsOf(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

function measureMemory(): number {
  const script = fileURLToPath(new URL('logs-memory-main.js', import.meta.url));
  const { stdout, status, stderr } = spawnSync(process.execPath, [script, String(MEMORY_LINES)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`The process that measures memory failed: ${stderr}`);
  return Number(stdout);
}
