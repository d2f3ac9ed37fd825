import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { LogParser, TemplateMiner } from '@tollgate/logs';
import { generatedLine, randomNumbers } from './logs-generator.js';
import type { Section } from './logs-section.js';
import { textTable } from './logs-table.js';

const CHUNK_BYTES = 64 * 1_024;
const MEMORY_LINES = 1_000_000;

/** Lines a second of the whole pipeline on one core, beside JSON.parse of the same lines; memory for a million lines. */
export const speedSection: Section = {
  name: 'speed',
  async run({ isQuick }) {
    const lines = generatedLines(isQuick ? 200_000 : 400_000);
    const log = Buffer.from(lines.join('\n'));
    const records = lines.map((line) =>
      JSON.stringify({ time: line.slice(0, 24), level: 'INFO', msg: line.slice(30) }),
    );
    const rounds = Array.from({ length: isQuick ? 6 : 8 }, () => ({
      pipeline: lines.length / secondsOf(() => analyse(log)),
      json: lines.length / secondsOf(() => records.forEach((record) => JSON.parse(record))),
    }));
    // The best round: the first ones are slower until the code is compiled.
    const pipeline = Math.max(...rounds.map((round) => round.pipeline));
    const json = Math.max(...rounds.map((round) => round.json));
    const memoryMegabytes = measureMemory();
    const names = ['', 'lines/s', '× JSON.parse'];
    const bytes = (log.length + 1) / lines.length - 1;
    console.log(
      textTable(names, [
        [`bytes to templates, lines of ${bytes.toFixed(0)} bytes`, pipeline.toFixed(0), (pipeline / json).toFixed(2)],
        ['JSON.parse of the same as records', json.toFixed(0), '1.00'],
      ]),
    );
    console.log(`${MEMORY_LINES} lines, in a process of their own: ${memoryMegabytes.toFixed(0)} MB at most`);
    return { linesPerSecond: pipeline, jsonParseLinesPerSecond: json, memoryMegabytes };
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

function generatedLines(count: number): string[] {
  const random = randomNumbers(7);
  return Array.from({ length: count }, (_, index) => generatedLine(random, index));
}

function analyse(log: Buffer): void {
  const miner = new TemplateMiner();
  const parser = new LogParser({ onEvent: (event) => miner.add(event) });
  for (let start = 0; start < log.length; start += CHUNK_BYTES) parser.write(log.subarray(start, start + CHUNK_BYTES));
  parser.end();
  miner.templates();
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
