import { Inject, Injectable } from '@nestjs/common';
import type { JobTable } from '../upkeep/upkeep-jobs.service.js';
import { WEBHOOK_OPTIONS, type WebhookOptions } from './webhook-options.js';
import { WebhookProcessor } from './webhook.processor.js';

@Injectable()
export class WebhookJobs {
  readonly table: JobTable;

  constructor(@Inject(WEBHOOK_OPTIONS) options: WebhookOptions, webhooks: WebhookProcessor) {
    this.table = {
      'send-webhooks': { schedule: { every: options.everyMs }, run: () => webhooks.enqueueDue() },
    };
  }
}
