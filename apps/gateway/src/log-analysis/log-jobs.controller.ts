import {
  cancelLogJob,
  createLogJob,
  getLogJob,
  listLogJobs,
  type Caller,
  type LogJob,
  type LogJobList,
} from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { Controller, Get, HttpCode, Param, Post, Req } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Answers, serviceErrors } from '../http/openapi.js';
import { CurrentCaller } from '../identity/current-caller.js';
import { CostsNothing } from '../limits/route-kind.js';
import { LogRoute } from './log-route.js';
import { LogUploads } from './log-uploads.service.js';
import { SentAnalyses } from './sent-analysis.service.js';
import { taskOf } from './task-of.js';

const JobId = z.object({ id: z.uuid() });
type JobId = z.infer<typeof JobId>;

const readErrors = ['invalid_request', 'not_found', ...serviceErrors] as const;

@ApiTags('log analysis')
@ApiBearerAuth()
@Controller('api/v1/llm/log-jobs')
export class LogJobsController {
  constructor(
    private readonly messages: Messages,
    private readonly sent: SentAnalyses,
    private readonly uploads: LogUploads,
  ) {}

  @LogRoute({ use: 'job', summary: 'Read a large log in the background: upload it, and say `task`' })
  async create(@Req() request: FastifyRequest, @CurrentCaller() caller: Caller): Promise<LogJob> {
    const { log, options } = await this.sent.readJob(request, caller);
    try {
      const task = options.task ?? taskOf(options);
      return await this.messages.send(createLogJob, { ...options, task, log_id: log.id });
    } catch (error) {
      this.uploads.discard(log.id);
      throw error;
    }
  }

  @Get()
  @ApiOperation({ summary: 'The jobs of the account, newest first, without their results' })
  @Answers({ json: 'LogJobList', errors: serviceErrors })
  list(): Promise<LogJobList> {
    return this.messages.send(listLogJobs, {});
  }

  @Get(':id')
  @ApiOperation({ summary: 'How far a job is, and its result; kept for 24 hours after its end' })
  @Answers({ json: 'LogJob', errors: [...readErrors] })
  get(@Param({ schema: JobId }) { id }: JobId): Promise<LogJob> {
    return this.messages.send(getLogJob, { id });
  }

  @CostsNothing()
  @Post(':id/cancel')
  @HttpCode(200)
  @ApiOperation({ summary: 'Stop a job; its log and what was read of it are forgotten' })
  @Answers({ json: 'LogJob', errors: [...readErrors] })
  cancel(@Param({ schema: JobId }) { id }: JobId): Promise<LogJob> {
    return this.messages.send(cancelLogJob, { id });
  }
}
