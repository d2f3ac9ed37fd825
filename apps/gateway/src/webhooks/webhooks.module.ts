import { OutboundClient } from '@tollgate/outbound';
import { URL_RULES, WebhookDeliveries, WebhookEndpoints, type UrlRules } from '@tollgate/webhooks';
import { Module, type DynamicModule } from '@nestjs/common';
import { WebhooksController } from './webhooks.controller.js';
import { WebhooksService } from './webhooks.service.js';

interface WebhooksOptions {
  /** Whether receivers may have private addresses, and speak http. */
  allowPrivate: boolean;
  allowedHosts: readonly string[] | undefined;
}

/** Where accounts hear of events. Nothing is sent from here: billing does that. */
@Module({})
export class WebhooksModule {
  static forRoot({ allowPrivate, allowedHosts }: WebhooksOptions): DynamicModule {
    const client = new OutboundClient({ allowPrivate, allowedHosts, timeoutMs: 1, maxResponseBytes: 0 });
    const rules: UrlRules = { client, httpsOnly: !allowPrivate };
    return {
      module: WebhooksModule,
      controllers: [WebhooksController],
      providers: [{ provide: URL_RULES, useValue: rules }, WebhookEndpoints, WebhookDeliveries, WebhooksService],
    };
  }
}
