import { Readable } from 'node:stream';
import { Reconciliations } from '@tollgate/accounting';
import { AppError, invalidRequest, type Reconciliation, type ReconciliationList } from '@tollgate/contracts';
import { Controller, Get, HttpCode, Param, Post, Query, Req } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiConsumes, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AuditLog } from '../admin/audit-log.js';
import { parseListQuery } from '../admin/list-query.js';
import { Answers, bodyErrors, Paged, serverErrors, tokenErrors } from '../http/openapi.js';
import { AdminOnly } from '../identity/permissions.js';
import { CostsNothing } from '../limits/route-kind.js';

const Id = z.uuid();
const Parameters = z.strictObject({
  provider: z.string().min(1).max(100),
  file_name: z.string().max(200).optional(),
});
const errors = [...tokenErrors, 'forbidden' as const, ...bodyErrors, ...serverErrors];
const example =
  'start_time_iso,model,num_model_requests,input_tokens,input_cached_tokens,output_tokens\n2026-11-20T00:00:00Z,gpt-4o-mini,120,48210,1024,9310\n';

@ApiTags('admin')
@ApiBearerAuth()
@AdminOnly()
@CostsNothing()
@Controller('api/v1/admin/reconciliations')
export class ReconciliationsController {
  constructor(
    private readonly reconciliations: Reconciliations,
    private readonly audit: AuditLog,
  ) {}

  @Post()
  @HttpCode(200)
  @ApiConsumes('text/csv')
  @ApiQuery({ name: 'provider', type: String, description: 'As the ledger calls it', example: 'openai' })
  @ApiQuery({ name: 'file_name', required: false, type: String, example: 'completions_usage_2026-11.csv' })
  @ApiBody({ schema: { type: 'string', example } })
  @ApiOperation({ summary: "Import a provider's usage export; the same file again is the same import" })
  @Answers({ json: 'Reconciliation', errors })
  async import(@Req() request: FastifyRequest, @Query() query: unknown): Promise<Reconciliation> {
    const parsed = Parameters.safeParse(query);
    if (!parsed.success) throw invalidRequest(parsed.error.issues, 'query');
    const { provider, file_name: name } = parsed.data;
    const { body } = request;
    if (!(body instanceof Readable)) throw new AppError('unsupported_media_type', 'The content-type must be text/csv.');
    // A body that is destroyed takes its connection along: whoever is refused in the middle of a file would never hear why.
    const chunks: AsyncIterable<Buffer> = body.iterator({ destroyOnReturn: false });
    try {
      return await this.reconciliations.import({ provider, name, chunks }, (tx, id) =>
        this.audit.record(tx, {
          action: 'reconciliation.import',
          subject: `reconciliation:${id}`,
          after: { provider, file_name: name ?? null },
        }),
      );
    } finally {
      // What is left is read and dropped, for as long as a request may take to arrive.
      body.resume();
    }
  }

  @Get()
  @ApiOperation({ summary: 'Imports beside the ledger as it is now, the newest first' })
  @Paged()
  @Answers({ json: 'ReconciliationList', errors })
  list(@Query() query: unknown): Promise<ReconciliationList> {
    const { limit, after } = parseListQuery(query);
    return this.reconciliations.list({ limit: Math.min(limit, 20), after });
  }

  @Get(':id')
  @ApiOperation({ summary: 'An import beside the ledger as it is now, by model and day' })
  @Answers({ json: 'Reconciliation', errors: ['not_found', ...errors] })
  get(@Param('id', { schema: Id }) id: string): Promise<Reconciliation> {
    return this.reconciliations.get(id);
  }
}
