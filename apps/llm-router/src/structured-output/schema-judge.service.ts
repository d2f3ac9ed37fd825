import { AppError } from '@tollgate/contracts';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { metrics } from './metrics.js';
import { SchemaThread, type SchemaJob, type Verdict } from './schema-thread.js';

const THREADS = 2;
/** For compiling a schema and judging one answer; ordinary ones take a few milliseconds. */
const JOB_TIMEOUT_MS = 2_000;
/** Of one account, the running one included. */
const JOBS_MAX = 100;

interface Waiting {
  job: SchemaJob;
  resolve: (verdict: Verdict) => void;
  reject: (error: unknown) => void;
}

/**
 * Judges answers by schemas of callers, on threads of its own. A bad job costs its thread and no other job. An account has
 * one thread at a time, so that one who sends bad jobs in numbers waits for itself and not others for it.
 */
@Injectable()
export class SchemaJudge implements OnApplicationShutdown {
  private readonly threads = Array.from({ length: THREADS }, () => new SchemaThread(JOB_TIMEOUT_MS));
  private readonly idle = [...this.threads];
  /** What each of them waits for, the running one first; in the order of their turns. */
  private readonly accounts = new Map<string, Waiting[]>();
  private readonly served = new Set<string>();

  /** Raises `overloaded` when too many of the account wait. */
  judge(job: SchemaJob, accountId: string): Promise<Verdict> {
    const line = this.accounts.get(accountId) ?? [];
    if (line.length >= JOBS_MAX) {
      throw new AppError('overloaded', 'Too many answers wait to be checked.', { retryAfterSeconds: 1 });
    }
    return new Promise((resolve, reject) => {
      line.push({ job, resolve, reject });
      this.accounts.set(accountId, line);
      this.serveNext();
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread.stop()));
  }

  private serveNext(): void {
    const accountId = [...this.accounts.keys()].find((id) => !this.served.has(id));
    if (accountId === undefined) return;
    const thread = this.idle.pop();
    if (thread) void this.serve(thread, accountId);
  }

  private async serve(thread: SchemaThread, accountId: string): Promise<void> {
    const line = this.accounts.get(accountId) ?? [];
    const [next] = line;
    if (!next) return void this.idle.push(thread);
    this.served.add(accountId);
    try {
      const verdict = await thread.judge(next.job);
      metrics.verdicts.inc({ verdict: verdict.verdict });
      next.resolve(verdict);
    } catch (error) {
      next.reject(error);
    }
    line.shift();
    this.served.delete(accountId);
    // Behind the others.
    this.accounts.delete(accountId);
    if (line.length > 0) this.accounts.set(accountId, line);
    this.idle.push(thread);
    this.serveNext();
  }
}
