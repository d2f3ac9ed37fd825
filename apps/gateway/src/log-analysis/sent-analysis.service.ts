import { AnalysisRequest, AppError, invalidRequest, type Caller } from '@tollgate/contracts';
import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { checkUserId } from '../identity/current-caller.js';
import { IncomingLog, type LogUse } from './incoming-log.js';
import { LogUploads, type ReceivedLog } from './log-uploads.service.js';
import { parseUploadOptions, refuseParameters } from './upload-options.js';

const Parameters = z.record(z.string(), z.unknown());

/** A log and what is asked of it: in a JSON body, or uploaded with its options beside it. */
@Injectable()
export class SentAnalyses {
  constructor(private readonly uploads: LogUploads) {}

  /** Raises `invalid_request` with the field that is wrong. */
  async read({ body, query }: FastifyRequest, caller: Caller) {
    if (body instanceof IncomingLog) {
      const { log, options } = await this.receive(body, query, caller, 'answer');
      return { ...options, log_id: log.id };
    }
    refuseParameters(query);
    const parsed = AnalysisRequest.safeParse(body ?? {});
    if (!parsed.success) throw invalidRequest(parsed.error.issues);
    checkUserId(parsed.data.user_id, caller);
    return parsed.data;
  }

  /** Only an upload can become a job. */
  async readJob({ body, query }: FastifyRequest, caller: Caller) {
    if (body instanceof IncomingLog) return this.receive(body, query, caller, 'job');
    throw new AppError(
      'unsupported_media_type',
      'The log must be uploaded: text/plain, NDJSON or multipart/form-data.',
    );
  }

  /** Parameters are looked at before a byte is read, fields of a form when it has been. */
  private async receive(body: IncomingLog, query: unknown, caller: Caller, use: LogUse) {
    const parameters = Parameters.parse(query ?? {});
    checkUserId(parseUploadOptions(parameters, use).user_id, caller);
    const log: ReceivedLog = await body.received();
    try {
      const options = parseUploadOptions({ ...parameters, ...log.fields }, use);
      checkUserId(options.user_id, caller);
      return { log, options };
    } catch (error) {
      this.uploads.discard(log.id);
      throw error;
    }
  }
}
