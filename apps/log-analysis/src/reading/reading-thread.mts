// The thread in which logs are read, so that the process goes on answering and beating meanwhile.
// One file without imports of ours but types, so that Node runs it from src/ (tests) and dist/ alike.
import { parentPort } from 'node:worker_threads';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { analyzeLog, analyzePart, learnLogFormat, LogAnalysis, runQuery, type LogReport } from '@tollgate/logs';
import type { FromThread, ReadingResult, ReadingTask, ToThread } from './reading-task.ts';

if (!parentPort) throw new Error('this runs as a thread of log-analysis');
const parent = parentPort;
const say = (message: FromThread) => parent.postMessage(message);

let takePiece: ((piece: Uint8Array | undefined) => void) | undefined;

parent.on('message', (message: ToThread) => {
  if ('piece' in message) return takePiece?.(message.piece);
  run(message.task).then(
    (result) => say({ result }),
    (error: unknown) => say({ failure: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});

async function run(task: ReadingTask): Promise<ReadingResult> {
  switch (task.kind) {
    case 'report':
      return analyzeLog(pieces(), task);
    case 'count':
      return runQuery(pieces(), task.plan, task);
    case 'learn':
      return learnLogFormat(pieces(), task);
    case 'part':
      return part(task);
    case 'merge':
      return merged();
  }
}

async function part({ chunks, ...options }: Extract<ReadingTask, { kind: 'part' }>): Promise<Uint8Array> {
  const startsAtNextEvent = options.firstLine > 1;
  const { analysis } = await analyzePart(pieces(chunks), { ...options, startsAtNextEvent, next: pieces() });
  return deflateRawSync(JSON.stringify(analysis.snapshot()), { level: 1 });
}

async function merged(): Promise<LogReport> {
  const whole = new LogAnalysis();
  for await (const json of pieces()) {
    whole.merge(LogAnalysis.restore(JSON.parse(new TextDecoder().decode(json))));
  }
  return whole.report();
}

/** The next pieces, `most` of them or all, one at a time: no more than one waits in memory. */
async function* pieces(most = Infinity): AsyncGenerator<Uint8Array, void> {
  for (let count = 0; count < most; count += 1) {
    const piece = await new Promise<Uint8Array | undefined>((resolve) => {
      takePiece = resolve;
      say({ pull: true });
    });
    if (piece === undefined) return;
    yield inflateRawSync(piece);
  }
}
