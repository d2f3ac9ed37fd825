import { Worker } from 'node:worker_threads';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { metrics } from './metrics.js';
import { readingThreadFile } from './reading-thread-file.mjs';
import type { FromThread, ReadingResult, ReadingResults, ReadingTask, ToThread } from './reading-task.js';

export const READERS_MAX = Symbol('threads that read logs at once');

/** Megabytes; V8 ends a thread that needs more, and not the process. */
const MEMORY = { maxOldGenerationSizeMb: 1_024 };

type Source = AsyncIterable<Uint8Array>;

/** Reads logs in threads, a few at a time; others wait for their turn. */
@Injectable()
export class LogReader implements OnApplicationShutdown {
  private readonly idle: Worker[] = [];
  private readonly waiting: (() => void)[] = [];
  private running = 0;

  constructor(@Inject(READERS_MAX) private readonly readersMax: number) {}

  /** @param source compressed pieces; no more of them are taken than the task needs. Aborting ends the thread. */
  async read<Kind extends keyof ReadingResults>(
    task: Extract<ReadingTask, { kind: Kind }>,
    source: Source,
    signal?: AbortSignal,
  ): Promise<ReadingResults[Kind]> {
    await this.turn();
    const startedAt = performance.now();
    try {
      // The thread answers each kind of task with its own kind of result.
      return (await this.run(task, source, signal)) as ReadingResults[Kind];
    } finally {
      metrics.readingDuration.observe({ kind: task.kind }, (performance.now() - startedAt) / 1_000);
      this.running -= 1;
      this.waiting.shift()?.();
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.idle.map((worker) => worker.terminate()));
  }

  private async turn(): Promise<void> {
    while (this.running >= this.readersMax) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.running += 1;
  }

  private async run(task: ReadingTask, source: Source, signal: AbortSignal | undefined): Promise<ReadingResult> {
    signal?.throwIfAborted();
    const worker = this.idle.pop() ?? this.start();
    const pieces = source[Symbol.asyncIterator]();
    try {
      const result = await converse(worker, task, pieces, signal);
      this.idle.push(worker);
      return result;
    } catch (error) {
      await worker.terminate();
      throw error;
    } finally {
      await pieces.return?.();
    }
  }

  private start(): Worker {
    const worker = new Worker(readingThreadFile, { resourceLimits: MEMORY, env: {} });
    worker.unref();
    // Whoever waits for it hears of these too; an idle thread must not end the process.
    worker.on('error', () => undefined);
    worker.on('exit', () => {
      const at = this.idle.indexOf(worker);
      if (at >= 0) this.idle.splice(at, 1);
    });
    return worker;
  }
}

/** Hands out pieces as they are asked for, until the thread has its result. */
function converse(
  worker: Worker,
  task: ReadingTask,
  pieces: AsyncIterator<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<ReadingResult> {
  const tell = (message: ToThread) => worker.postMessage(message);
  return new Promise<ReadingResult>((resolve, reject) => {
    const settle = (end: () => void) => {
      worker.off('message', answer).off('error', fail).off('exit', exited);
      signal?.removeEventListener('abort', stop);
      end();
    };
    const fail = (error: unknown) => settle(() => reject(error));
    const stop = () => fail(signal?.reason);
    signal?.addEventListener('abort', stop, { once: true });
    const exited = (code: number) => fail(new Error(`the thread that reads logs ended with ${code}`));
    const answer = (message: FromThread) => {
      if ('result' in message) settle(() => resolve(message.result));
      else if ('failure' in message) fail(new Error(message.failure));
      else pieces.next().then(({ done, value }) => tell({ piece: done ? undefined : value }), fail);
    };
    worker.on('message', answer).on('error', fail).on('exit', exited);
    tell({ task });
  });
}
