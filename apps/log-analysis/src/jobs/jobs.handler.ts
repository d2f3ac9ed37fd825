import {
  AppError,
  cancelLogJob,
  createLogJob,
  getLogJob,
  listLogJobs,
  type InputOf,
  type LogJob,
  type LogJobList,
} from '@tollgate/contracts';
import { Handle, MessageContext } from '@tollgate/messaging';
import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { LogModel } from '../narrative/log-model.service.js';
import { LogStore } from '../uploads/log-store.service.js';
import { JobQueue } from './job-queue.service.js';
import { JobStore } from './job-store.service.js';
import { metrics } from './metrics.js';

export const PART_BYTES_MAX = Symbol('bytes of a part of a log');

@Controller()
export class JobsHandler {
  constructor(
    private readonly jobs: JobStore,
    private readonly logs: LogStore,
    private readonly queue: JobQueue,
    private readonly model: LogModel,
    @Inject(PART_BYTES_MAX) private readonly partBytesMax: number,
  ) {}

  /** A model that the caller may not use is refused now and not when the log has been read. */
  @Handle(createLogJob)
  async create(@Payload() body: InputOf<typeof createLogJob>, @Ctx() { caller }: MessageContext): Promise<LogJob> {
    const { log_id: id, ...request } = body;
    if (request.task === 'query' && !request.prompt) {
      throw new AppError('invalid_request', 'prompt: the question is required', { param: 'prompt' });
    }
    if (request.model) await this.model.check(request);
    const chunks = await this.logs.sizes(caller.account_id, id);
    await this.jobs.create(caller, id, request, chunks, this.partBytesMax);
    await this.queue.advance(id);
    return this.jobs.get(caller.account_id, id);
  }

  @Handle(getLogJob)
  get(@Payload() { id }: InputOf<typeof getLogJob>, @Ctx() { caller }: MessageContext): Promise<LogJob> {
    return this.jobs.get(caller.account_id, id);
  }

  @Handle(listLogJobs)
  async list(@Ctx() { caller }: MessageContext): Promise<LogJobList> {
    return { object: 'list', data: await this.jobs.list(caller.account_id) };
  }

  @Handle(cancelLogJob)
  async cancel(@Payload() { id }: InputOf<typeof cancelLogJob>, @Ctx() { caller }: MessageContext): Promise<LogJob> {
    await this.jobs.get(caller.account_id, id);
    if (await this.jobs.finish(id, { isCancelled: true })) metrics.jobs.inc({ status: 'cancelled' });
    return this.jobs.get(caller.account_id, id);
  }
}
