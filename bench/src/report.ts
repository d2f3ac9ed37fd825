import { contenders, type ContenderName } from './contender.js';
import type { Cost } from './pair.js';
import type { RedisState } from './redis-state.js';
import type { RequestRow, Rows, StreamRow } from './rounds.js';
import { rounded } from './statistics.js';

interface Column<Row> {
  title: string;
  figureOf: (row: Row) => number;
  hasRatio?: boolean;
}

const costColumns: Column<Cost>[] = [
  { title: 'CPU µs each', figureOf: costOf, hasRatio: true },
  { title: 'client', figureOf: ({ clientMicros }) => clientMicros },
  { title: 'server', figureOf: ({ serverMicros }) => serverMicros },
  { title: 'redis', figureOf: ({ redisMicros }) => redisMicros },
];

export function requestTable(concurrency: number, rows: Rows<RequestRow>): string {
  return figureTable(`Requests, ${concurrency} in flight`, rows, 'nest', [
    { title: 'p50 ms', figureOf: ({ p50Ms }) => p50Ms, hasRatio: true },
    { title: 'p99 ms', figureOf: ({ p99Ms }) => p99Ms },
    { title: 'requests/s', figureOf: ({ perSecond }) => perSecond, hasRatio: true },
    ...costColumns,
  ]);
}

export function fastStreamTable(rows: Rows<StreamRow>): string {
  return figureTable('64 streams of 200 parts, as fast as possible', rows, 'publish', [
    { title: 'parts/s', figureOf: ({ perSecond }) => perSecond, hasRatio: true },
    { title: 'first part p50 ms', figureOf: ({ firstP50Ms }) => firstP50Ms, hasRatio: true },
    ...costColumns,
  ]);
}

export function pacedStreamTable(rows: Rows<StreamRow>): string {
  return figureTable('64 streams, a part every 10 ms', rows, 'publish', [
    { title: 'delay p50 ms', figureOf: ({ delayP50Ms }) => delayP50Ms, hasRatio: true },
    { title: 'delay p99 ms', figureOf: ({ delayP99Ms }) => delayP99Ms, hasRatio: true },
    ...costColumns,
  ]);
}

export function stateTable(states: Record<string, RedisState>): string {
  const head = ['', 'keys', 'fences', 'stream entries', 'pending', 'MiB'];
  const body = Object.entries(states).map(([when, state]) => [
    when,
    ...[state.keys, state.fences, state.streamEntries, state.pendingEntries].map(String),
    (state.usedMemoryBytes / 1_048_576).toFixed(2),
  ]);
  return table('Redis', head, body);
}

export function costOf({ clientMicros, serverMicros, redisMicros }: Cost): number {
  return clientMicros + serverMicros + redisMicros;
}

function figureTable<Row extends Cost>(
  title: string,
  rows: Rows<Row>,
  reference: ContenderName,
  columns: Column<Row>[],
): string {
  const body = rows.names.map((name) => [
    name === 'publish' && reference === 'publish' ? 'one awaited PUBLISH a part' : contenders[name].label,
    ...columns.map(({ figureOf, hasRatio }) => {
      const figure = rounded(figureOf(rows.median(name))).toLocaleString('en');
      return hasRatio ? `${figure} (${rows.ratio(name, reference, figureOf).toFixed(2)} ×)` : figure;
    }),
  ]);
  return table(title, ['', ...columns.map((column) => column.title)], body);
}

export function table(title: string, head: string[], body: string[][]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...body].map((cells) => cells[column]?.length ?? 0)));
  const line = (cells: string[]) =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ');
  return [`\n${title}`, line(head), ...body.map(line)].join('\n');
}
