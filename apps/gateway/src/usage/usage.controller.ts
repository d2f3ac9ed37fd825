import { Caller } from '@tollgate/contracts';
import { applyDecorators, Controller, Get, Headers, Query, Res } from '@nestjs/common';
import { usageDimensions } from '@tollgate/metering';
import { ApiBearerAuth, ApiOperation, ApiQuery, ApiTags, type SchemaObject } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Readable } from 'node:stream';
import { Answers, serverErrors, tokenErrors } from '../http/openapi.js';
import { CurrentCaller } from '../identity/current-caller.js';
import { AdminOnly, RequiresScope } from '../identity/permissions.js';
import { exportLines, exportTypes } from './usage-export.js';
import { parseUsageQuery, type UsageQuery } from './usage-query.js';
import { UsageService } from './usage.service.js';

const week = { start: 1_763_251_200, end: 1_763_856_000 };

/** What both routes have in their description. */
function DescribesUsage(summary: string) {
  const parameter = (name: string, description: string, schema: SchemaObject, example?: unknown) =>
    ApiQuery({ name, description, required: false, schema: { ...schema, example } });
  const seconds: SchemaObject = { type: 'integer', minimum: 0 };
  const dimensions: SchemaObject = { type: 'array', items: { type: 'string', enum: [...usageDimensions] } };
  const uuid: SchemaObject = { type: 'string', format: 'uuid' };
  return applyDecorators(
    ApiOperation({
      summary,
      description:
        'A page of buckets; or all of them as CSV or NDJSON, one line a result, with `format` or by the header `Accept`. Attempts count in the bucket in which they started (UTC).',
    }),
    parameter('start_time', 'Unix seconds; without it as far back as one page reaches', seconds, week.start),
    parameter('end_time', 'Unix seconds, excluded; without it now', seconds, week.end),
    parameter('bucket_width', '`1d` unless given', { type: 'string', enum: ['1m', '1h', '1d'] }, '1d'),
    parameter('group_by', 'What to sum up by, as often as you like', dimensions, ['model', 'task']),
    parameter('group_by[]', "The same, as OpenAI's clients write it", dimensions),
    parameter('limit', 'Buckets of a page: 1d 7 (at most 31), 1h 24 (168), 1m 60 (1440)', {
      type: 'integer',
      minimum: 1,
      maximum: 1_440,
    }),
    parameter('page', '`next_page` of the page before', { type: 'string', maxLength: 64 }),
    parameter('format', '`json` unless given', { type: 'string', enum: ['json', 'csv', 'ndjson'] }, 'json'),
    parameter('user_id', 'Of this user alone, for whoever runs the account', uuid),
    parameter('account_id', 'Of this account alone, for admins', uuid),
    Answers({
      json: 'UsagePage',
      text: {
        'text/csv': 'start_time,end_time,user,account,tier,model,…\r\n',
        'application/x-ndjson': '{"start_time":1763251200,"end_time":1763337600,…}\n',
      },
      errors: ['invalid_request', ...tokenErrors, 'forbidden', ...serverErrors],
    }),
  );
}

@ApiTags('usage')
@ApiBearerAuth()
@Controller('api/v1')
export class UsageController {
  constructor(private readonly usage: UsageService) {}

  @Get('usage')
  @RequiresScope('usage')
  @DescribesUsage('What my account has used; only my own part, unless I run the account')
  async own(
    @Query() query: unknown,
    @Headers('accept') accept: string | undefined,
    @CurrentCaller() caller: Caller,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const parsed = parseUsageQuery(query, accept, Date.now() / 1_000);
    // Whatever the query says, and for admins too.
    const userId = caller.role === 'user' ? caller.user_id : parsed.userId;
    await this.send(reply, { ...parsed, accountId: caller.account_id, userId }, false);
  }

  @Get('admin/usage')
  @AdminOnly()
  @DescribesUsage('What all accounts, or one, have used, and what it cost us')
  async all(
    @Query() query: unknown,
    @Headers('accept') accept: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.send(reply, parseUsageQuery(query, accept, Date.now() / 1_000), true);
  }

  private async send(reply: FastifyReply, query: UsageQuery, isAdmin: boolean): Promise<void> {
    reply.header('cache-control', 'no-store');
    if (query.format === 'json') {
      await reply.send(await this.usage.page(query, isAdmin));
      return;
    }
    const lines = exportLines(await started(this.usage.all(query, isAdmin)), query.format, isAdmin);
    reply.header('content-disposition', `attachment; filename="usage.${query.format}"`);
    await reply.type(exportTypes[query.format]).send(Readable.from(lines));
  }
}

/** The same, with its first part read: an error until then keeps its HTTP status. */
async function started<T>(parts: AsyncGenerator<T, void>): Promise<AsyncIterable<T>> {
  const first = await parts.next();
  return (async function* () {
    try {
      if (!first.done) yield first.value;
      yield* parts;
    } finally {
      await parts.return();
    }
  })();
}
