import { AppError } from '@tollgate/contracts';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { metrics } from './metrics.js';
import { SchemaThread, type SchemaJob, type Verdict } from './schema-thread.js';

const THREADS = 2;
/** For compiling a schema and judging one answer; ordinary ones take a few milliseconds. */
const JOB_TIMEOUT_MS = 1_000;
const WAITING_MAX = 500;

interface Waiting {
  job: SchemaJob;
  resolve: (verdict: Verdict) => void;
  reject: (error: unknown) => void;
}

/** Judges answers by schemas of callers, on threads of its own. A bad job costs its thread and no other job. */
@Injectable()
export class SchemaJudge implements OnApplicationShutdown {
  private readonly threads = Array.from({ length: THREADS }, () => new SchemaThread(JOB_TIMEOUT_MS));
  private readonly idle = [...this.threads];
  private readonly waiting: Waiting[] = [];

  /** Raises `overloaded` when too many wait. */
  judge(job: SchemaJob): Promise<Verdict> {
    if (this.waiting.length >= WAITING_MAX) {
      throw new AppError('overloaded', 'Too many answers wait to be checked.', { retryAfterSeconds: 1 });
    }
    return new Promise((resolve, reject) => {
      this.waiting.push({ job, resolve, reject });
      void this.serve();
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread.stop()));
  }

  private async serve(): Promise<void> {
    const thread = this.idle.pop();
    if (!thread) return;
    for (let next = this.waiting.shift(); next; next = this.waiting.shift()) {
      try {
        const verdict = await thread.judge(next.job);
        metrics.verdicts.inc({ verdict: verdict.verdict });
        next.resolve(verdict);
      } catch (error) {
        next.reject(error);
      }
    }
    this.idle.push(thread);
  }
}
