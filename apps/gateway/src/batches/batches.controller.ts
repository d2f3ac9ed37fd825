import {
  Batch,
  BatchListing,
  BatchPage,
  BatchWithResults,
  cancelBatch,
  createBatch,
  CreateBatchRequest,
  getBatch,
  listBatches,
  readBatchResults,
  type BatchResult,
} from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Answers, llmErrors, serviceErrors } from '../http/openapi.js';
import { CostsNothing } from '../limits/route-kind.js';

const BatchId = z.object({ id: z.uuid() });
type BatchId = z.infer<typeof BatchId>;

const readErrors = ['invalid_request', 'not_found', ...serviceErrors] as const;

@ApiTags('batches')
@ApiBearerAuth()
@Controller('api/v1/llm/batch')
export class BatchesController {
  constructor(private readonly messages: Messages) {}

  @Post()
  @HttpCode(202)
  @ApiOperation({ summary: 'Ask up to 1,000 prompts in the background' })
  @Answers({ status: 202, json: 'Batch', errors: llmErrors })
  create(@Body({ schema: CreateBatchRequest }) body: CreateBatchRequest): Promise<Batch> {
    return this.messages.send(createBatch, body);
  }

  @Get()
  @ApiOperation({ summary: 'The batches of the account, newest first' })
  @Answers({ json: 'BatchListing', errors: serviceErrors })
  list(): Promise<BatchListing> {
    return this.messages.send(listBatches, {});
  }

  @Get(':id')
  @ApiOperation({ summary: 'How far a batch is, with the results that are there; kept for 24 hours after its end' })
  @Answers({ json: 'BatchWithResults', errors: [...readErrors] })
  async get(
    @Param({ schema: BatchId }) { id }: BatchId,
    @Query({ schema: BatchPage }) page: BatchPage,
  ): Promise<BatchWithResults> {
    const batch = await this.messages.send(getBatch, { id });
    const results: BatchResult[] = [];
    for await (const result of this.messages.stream(readBatchResults, { id, ...page })) results.push(result);
    return { ...batch, results };
  }

  @CostsNothing()
  @Post(':id/cancel')
  @HttpCode(200)
  @ApiOperation({ summary: 'Stop a batch; the results that are there stay' })
  @Answers({ json: 'Batch', errors: [...readErrors] })
  cancel(@Param({ schema: BatchId }) { id }: BatchId): Promise<Batch> {
    return this.messages.send(cancelBatch, { id });
  }
}
