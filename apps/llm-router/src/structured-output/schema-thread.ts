import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import { schemaWorkerFile } from './schema-worker-file.mjs';

/** Megabytes; V8 ends a thread that needs more. */
const MEMORY = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 16, stackSizeMb: 2 };

export interface SchemaJob {
  /** JSON. */
  schema: string;
  /** What is judged by it; without it only the schema is. */
  json?: string;
}

const Verdict = z.discriminatedUnion('verdict', [
  z.object({ verdict: z.literal('valid') }),
  z.object({ verdict: z.literal('invalid'), problems: z.array(z.string()) }),
  z.object({ verdict: z.literal('bad_schema'), problems: z.array(z.string()) }),
]);
/** `too_costly`: it took more time or memory than there is for one; the thread has been replaced. */
export type Verdict = z.infer<typeof Verdict> | { verdict: 'too_costly' };

/** A thread for one job at a time, started when it is needed, ended by a job that takes too long or too much. */
export class SchemaThread {
  private worker: Promise<Worker> | undefined;

  constructor(private readonly timeoutMs: number) {}

  async judge(job: SchemaJob): Promise<Verdict> {
    const worker = await this.ready();
    const answer = await new Promise<unknown>((resolve) => {
      const settle = (value: unknown) => {
        clearTimeout(timer);
        worker.off('message', settle).off('exit', died);
        resolve(value);
      };
      const died = () => settle(undefined);
      const timer = setTimeout(died, this.timeoutMs);
      worker.on('message', settle).on('exit', died);
      worker.postMessage(job);
    });
    const verdict = Verdict.safeParse(answer);
    if (verdict.success) return verdict.data;
    await this.stop();
    return { verdict: 'too_costly' };
  }

  async stop(): Promise<void> {
    const worker = this.worker;
    this.worker = undefined;
    await (await worker)?.terminate();
  }

  private ready(): Promise<Worker> {
    this.worker ??= start().catch((error: unknown) => {
      this.worker = undefined;
      throw error;
    });
    return this.worker;
  }
}

/** Resolves when it has loaded what it needs, so that the first job has as much time as the others. */
async function start(): Promise<Worker> {
  const worker = new Worker(schemaWorkerFile, { resourceLimits: MEMORY, env: {} });
  worker.unref();
  // A thread that runs out of memory says so, and exits.
  worker.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    worker.once('message', () => resolve());
    worker.once('exit', (code) => reject(new Error(`the thread for schemas ended with ${code}`)));
  });
  return worker;
}
