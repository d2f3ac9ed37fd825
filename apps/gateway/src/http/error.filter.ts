import type { AppError } from '@tollgate/contracts';
import { Logger } from '@tollgate/observability';
import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { errorResponse, toAppError } from './error-response.js';

/** Shapes everything that leaves as an error, whoever threw it. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    // The client has left: nobody to answer, and no fault of ours.
    if (reply.sent || reply.raw.destroyed) return;
    const error = toAppError(thrown);
    logError(this.logger, error);
    const { status, headers, body } = errorResponse(error, request.id);
    void reply.status(status).headers(headers).type('application/json; charset=utf-8').send(body);
  }
}

/** Defects with their cause; what a dependency did as a warning; what a client did only for debugging. */
export function logError(logger: Logger, error: AppError): void {
  const fields = { code: error.code, err: error.cause };
  if (error.code === 'internal') logger.error(error.message, fields);
  else if (error.status >= 500) logger.warn(error.message, fields);
  else logger.debug(error.message, fields);
}
