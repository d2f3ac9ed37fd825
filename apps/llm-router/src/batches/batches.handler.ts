import {
  cancelBatch,
  createBatch,
  getBatch,
  listBatches,
  readBatchResults,
  type Batch,
  type BatchListing,
  type BatchResult,
  type InputOf,
} from '@tollgate/contracts';
import { Handle, MessageContext } from '@tollgate/messaging';
import { Controller } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { Catalogue } from '../catalogue/catalogue.service.js';
import { BatchQueue } from './batch-queue.service.js';
import { BatchStore } from './batch-store.service.js';

@Controller()
export class BatchesHandler {
  constructor(
    private readonly store: BatchStore,
    private readonly queue: BatchQueue,
    private readonly catalogue: Catalogue,
  ) {}

  /** A model that the caller may not use is refused now and not a thousand times later. */
  @Handle(createBatch)
  async create(@Payload() body: InputOf<typeof createBatch>, @Ctx() { caller }: MessageContext): Promise<Batch> {
    if (body.model) this.catalogue.choose(caller.tier, body.model);
    const batch = await this.store.create(caller, body);
    await this.queue.add(batch.id);
    return batch;
  }

  @Handle(getBatch)
  get(@Payload() { id }: InputOf<typeof getBatch>, @Ctx() { caller }: MessageContext): Promise<Batch> {
    return this.store.get(caller.account_id, id);
  }

  @Handle(readBatchResults)
  results(
    @Payload() page: InputOf<typeof readBatchResults>,
    @Ctx() { caller }: MessageContext,
  ): AsyncGenerator<BatchResult, void> {
    return this.store.results(caller.account_id, page);
  }

  @Handle(listBatches)
  async list(@Ctx() { caller }: MessageContext): Promise<BatchListing> {
    return { object: 'list', data: await this.store.list(caller.account_id) };
  }

  @Handle(cancelBatch)
  cancel(@Payload() { id }: InputOf<typeof cancelBatch>, @Ctx() { caller }: MessageContext): Promise<Batch> {
    return this.store.cancel(caller.account_id, id);
  }
}
