import { applyDecorators, HttpCode, Post } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiOperation, ApiQuery } from '@nestjs/swagger';
import { Answers, llmErrors } from '../http/openapi.js';
import type { LogUse } from './incoming-log.js';
import { JobOptions, UploadOptions } from './upload-options.js';

type Content = NonNullable<NonNullable<Parameters<typeof ApiOperation>[0]['requestBody']> & { content?: unknown }>;

const text = { schema: { type: 'string' }, example: '2026-01-15T10:30:45Z ERROR database: connection refused' };
const records = {
  schema: { type: 'string' },
  example: '{"level":"error","message":"connection refused"}\n{"level":"info","message":"connected"}',
};
const names = Object.keys(UploadOptions.shape);
const form = {
  schema: {
    type: 'object',
    required: ['file'],
    properties: {
      file: { type: 'string', format: 'binary', description: 'The log, also as .gz' },
      ...Object.fromEntries(names.map((name) => [name, { type: 'string' }])),
    },
  },
};
const uploads = { 'text/plain': text, 'application/x-ndjson': records, 'multipart/form-data': form };
const json = { 'application/json': { schema: { $ref: '#/components/schemas/AnalysisRequest' } } };

const ofUpload = { required: false, type: String, description: 'Of an upload; with JSON it stands in the body' };

/** A POST that takes a log: its path, what it does, and what it answers. */
export function LogRoute(route: { path?: string; use: LogUse; summary: string }) {
  const { path, use, summary } = route;
  const content = use === 'job' ? uploads : { ...json, ...uploads };
  return applyDecorators(
    Post(path),
    HttpCode(use === 'job' ? 202 : 200),
    RouteConfig({ takesLogs: use }),
    ApiOperation({ summary, requestBody: { required: true, content } satisfies Content }),
    ...(use === 'job' ? Object.keys(JobOptions.shape) : names).map((name) => ApiQuery({ name, ...ofUpload })),
    use === 'job'
      ? Answers({ status: 202, json: 'LogJob', errors: llmErrors })
      : Answers({ json: 'AnalysisResponse', errors: llmErrors }),
  );
}
