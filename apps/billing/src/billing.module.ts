import { AccountingModule } from '@tollgate/accounting';
import { Database, DatabaseModule } from '@tollgate/database';
import { MeteringModule } from '@tollgate/metering';
import { ObservabilityModule } from '@tollgate/observability';
import { OutboundClient } from '@tollgate/outbound';
import { WebhookSender } from '@tollgate/webhooks';
import { Module, type DynamicModule } from '@nestjs/common';
import type { BillingConfig } from './config.js';
import { InvoiceJobs, INVOICE_OPTIONS } from './invoices/invoice-jobs.service.js';
import { JobQueueModule } from './upkeep/job-queue.module.js';
import { JobRedis } from './upkeep/job-redis.js';
import { UpkeepJobs, UPKEEP_OPTIONS } from './upkeep/upkeep-jobs.service.js';
import { JOBS, UpkeepProcessor } from './upkeep/upkeep.processor.js';
import { WebhookJobs } from './webhooks/webhook-jobs.service.js';
import { WEBHOOK_OPTIONS } from './webhooks/webhook-options.js';
import { WebhookProcessor } from './webhooks/webhook.processor.js';

const WEBHOOK_ANSWER_BYTES_MAX = 16 * 1024;

@Module({})
export class BillingModule {
  static forRoot(config: BillingConfig): DynamicModule {
    return {
      module: BillingModule,
      imports: [
        JobQueueModule.forRoot(config.redis),
        ObservabilityModule.forRoot({
          info: { service: 'billing' },
          logLevel: config.log.level,
          inject: [Database, JobRedis],
          readiness: (database: Database, redis: JobRedis) => [
            { name: 'postgres', check: () => database.ping() },
            { name: 'redis', check: () => redis.ping() },
          ],
        }),
        DatabaseModule.forRoot(config.postgres),
        MeteringModule.forRoot({ plans: config.plans, planOverrides: config.planOverrides }),
        AccountingModule,
      ],
      providers: [
        { provide: UPKEEP_OPTIONS, useValue: config.upkeep },
        { provide: INVOICE_OPTIONS, useValue: config.invoices },
        { provide: WEBHOOK_OPTIONS, useValue: config.webhooks },
        {
          provide: WebhookSender,
          inject: [Database],
          useFactory: (database: Database) => new WebhookSender(database, senderOptions(config.webhooks)),
        },
        UpkeepJobs,
        InvoiceJobs,
        WebhookJobs,
        WebhookProcessor,
        {
          provide: JOBS,
          inject: [UpkeepJobs, InvoiceJobs, WebhookJobs],
          useFactory: (upkeep: UpkeepJobs, invoices: InvoiceJobs, webhooks: WebhookJobs) => ({
            ...upkeep.table,
            ...invoices.table,
            ...webhooks.table,
          }),
        },
        UpkeepProcessor,
      ],
    };
  }
}

function senderOptions({ allowPrivate, allowedHosts, timeoutMs, retryFirstMs }: BillingConfig['webhooks']) {
  const client = new OutboundClient({
    allowPrivate,
    allowedHosts,
    timeoutMs,
    maxResponseBytes: WEBHOOK_ANSWER_BYTES_MAX,
  });
  return { client, retryFirstMs };
}
