import { AppError } from '@tollgate/contracts';
import { childTraceparent, runInRequest } from '@tollgate/observability';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { Analysis } from '../analysis/analysis.service.js';
import { LogReader } from '../reading/log-reader.service.js';
import { LogStore } from '../uploads/log-store.service.js';
import { JobStore, type RunnableJob } from './job-store.service.js';
import { metrics } from './metrics.js';

/** What one replica does of a job at a time. */
export type Step =
  { id: string; kind: 'learn' } | { id: string; kind: 'part'; part: number } | { id: string; kind: 'finish' };

const CANCEL_CHECK_MS = 500;

/**
 * Reads a log in parts. Each step leaves what it found in Postgres, where the first result of a step stays: a step that runs
 * twice, because its replica seemed dead or Redis forgot it, changes nothing and counts no line twice.
 */
@Injectable()
export class JobRunner {
  constructor(
    private readonly jobs: JobStore,
    private readonly logs: LogStore,
    private readonly reader: LogReader,
    private readonly analysis: Analysis,
  ) {}

  /** Resolves to whether there is another step to queue now. Rejects when this one should be tried again. */
  async run(step: Step): Promise<'goes on' | 'waits' | 'ended'> {
    const job = await this.jobs.load(step.id);
    if (!job || job.isFinished) return 'ended';
    const ended = new AbortController();
    const watch = setInterval(() => void this.watchEnd(step.id, ended), CANCEL_CHECK_MS);
    try {
      if (step.kind === 'learn') return await this.learn(job, ended.signal);
      if (step.kind === 'part') return await this.readPart(job, step.part, ended.signal);
      return await this.finish(job, ended.signal);
    } catch (error) {
      // Cancelled while it was read: its log is gone.
      if (ended.signal.aborted || (await this.jobs.isFinished(job.id))) return 'ended';
      throw error;
    } finally {
      clearInterval(watch);
    }
  }

  private async learn({ id, createdAt }: RunnableJob, signal: AbortSignal) {
    const task = { kind: 'learn' as const, referenceMs: createdAt.getTime() };
    await this.jobs.start(id, await this.reader.read(task, this.logs.read(id), signal));
    return 'goes on' as const;
  }

  private async readPart({ id, format, createdAt }: RunnableJob, index: number, signal: AbortSignal) {
    const part = await this.jobs.part(id, index);
    if (!part || !format) return 'waits' as const;
    const { firstChunk, chunkCount, firstLine } = part;
    const task = { kind: 'part' as const, chunks: chunkCount, firstLine, format, referenceMs: createdAt.getTime() };
    const snapshot = await this.reader.read(task, this.logs.read(id, firstChunk), signal);
    const isWhole = await this.jobs.commitPart(id, index, Buffer.from(snapshot));
    metrics.parts.inc();
    return isWhole ? ('goes on' as const) : ('waits' as const);
  }

  /** Puts the parts together and has a model tell. A caller whose budget is spent hears so: the job has failed. */
  private async finish({ id, caller, request, createdAt, partCount, pendingParts }: RunnableJob, signal: AbortSignal) {
    if (pendingParts.length > 0) return 'goes on' as const;
    const requestId = uuidv7();
    const referenceMs = createdAt.getTime();
    const log = {
      report: () => this.reader.read({ kind: 'merge' }, this.jobs.snapshots(id, partCount), signal),
      count: (plan: Parameters<LogOfAnalysis['count']>[0]) =>
        this.reader.read({ kind: 'count', plan, referenceMs }, this.logs.read(id), signal),
    };
    const context = { requestId, traceparent: childTraceparent(), caller, signal };
    const end = await runInRequest(context, () => this.analysis.tell(request, log, requestId)).then(
      (result) => ({ result }),
      (thrown: unknown) => {
        const error = AppError.fromUnknown(thrown);
        if (error.retryable || error.code === 'internal' || signal.aborted) throw thrown;
        return { error };
      },
    );
    if (await this.jobs.finish(id, end)) metrics.jobs.inc({ status: 'result' in end ? 'completed' : 'failed' });
    return 'ended' as const;
  }

  private async watchEnd(id: string, ended: AbortController): Promise<void> {
    const isFinished = await this.jobs.isFinished(id).catch(() => false);
    if (isFinished) ended.abort(new AppError('cancelled', 'The job was cancelled.'));
  }
}

type LogOfAnalysis = Parameters<Analysis['tell']>[1];
