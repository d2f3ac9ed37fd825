import {
  Caller,
  CreateWebhookRequest,
  UpdateWebhookRequest,
  type Webhook,
  type WebhookDelivery,
  type WebhookDeliveryList,
  type WebhookList,
  type WebhookWithSecret,
} from '@tollgate/contracts';
import { WebhookDeliveries, WebhookEndpoints } from '@tollgate/webhooks';
import { Body, Controller, Delete, Get, Header, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { parseListQuery } from '../admin/list-query.js';
import { Answers, bodyErrors, Paged, serverErrors, tokenErrors } from '../http/openapi.js';
import { CurrentCaller } from '../identity/current-caller.js';
import { AccountAdminOnly } from '../identity/permissions.js';
import { CostsNothing } from '../limits/route-kind.js';
import { WebhooksService } from './webhooks.service.js';

const Id = z.uuid();
const errors = [...tokenErrors, 'forbidden' as const, ...bodyErrors, ...serverErrors];
const itemErrors = ['not_found' as const, ...errors];

@ApiTags('webhooks')
@ApiBearerAuth()
@AccountAdminOnly()
@CostsNothing()
@Controller('api/v1/webhooks')
export class WebhooksController {
  constructor(
    private readonly webhooks: WebhooksService,
    private readonly endpoints: WebhookEndpoints,
    private readonly deliveries: WebhookDeliveries,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Where my account hears of events' })
  @Answers({ json: 'WebhookList', errors })
  async list(@CurrentCaller() caller: Caller): Promise<WebhookList> {
    return { object: 'list', data: await this.endpoints.list(caller.account_id) };
  }

  @Post()
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Register a URL; the secret that signs what is sent to it is shown once' })
  @Answers({ status: 201, json: 'WebhookWithSecret', errors })
  create(
    @Body({ schema: CreateWebhookRequest }) body: CreateWebhookRequest,
    @CurrentCaller() caller: Caller,
  ): Promise<WebhookWithSecret> {
    return this.webhooks.create(caller, body);
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Change a webhook, disable or enable it' })
  @Answers({ json: 'Webhook', errors: itemErrors })
  update(
    @Param('id', { schema: Id }) id: string,
    @Body({ schema: UpdateWebhookRequest }) body: UpdateWebhookRequest,
    @CurrentCaller() caller: Caller,
  ): Promise<Webhook> {
    return this.webhooks.update(caller, id, body);
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete a webhook with its log' })
  @Answers({ status: 204, errors: itemErrors })
  delete(@Param('id', { schema: Id }) id: string, @CurrentCaller() caller: Caller): Promise<void> {
    return this.webhooks.delete(caller, id);
  }

  @Post(':id/rotate-secret')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'A new secret; for 24 hours the one before signs, too' })
  @Answers({ json: 'WebhookWithSecret', errors: itemErrors })
  rotateSecret(@Param('id', { schema: Id }) id: string, @CurrentCaller() caller: Caller): Promise<WebhookWithSecret> {
    return this.webhooks.rotateSecret(caller, id);
  }

  @Post(':id/test')
  @HttpCode(202)
  @ApiOperation({ summary: 'Send an event of the type webhook.test' })
  @Answers({ status: 202, json: 'WebhookDelivery', errors: itemErrors })
  sendTest(@Param('id', { schema: Id }) id: string, @CurrentCaller() caller: Caller): Promise<WebhookDelivery> {
    return this.webhooks.sendTest(caller, id);
  }

  @Get('deliveries')
  @ApiOperation({ summary: 'What became of each event, with every attempt; the newest first' })
  @Paged()
  @Answers({ json: 'WebhookDeliveryList', errors })
  listDeliveries(@Query() query: unknown, @CurrentCaller() caller: Caller): Promise<WebhookDeliveryList> {
    const { limit, after } = parseListQuery(query);
    return this.deliveries.list({ accountId: caller.account_id, limit, after });
  }

  @Post('deliveries/:id/redeliver')
  @HttpCode(202)
  @ApiOperation({ summary: 'Try a delivery again, whatever became of it' })
  @Answers({ status: 202, json: 'WebhookDelivery', errors: itemErrors })
  redeliver(@Param('id', { schema: Id }) id: string, @CurrentCaller() caller: Caller): Promise<WebhookDelivery> {
    return this.webhooks.redeliver(caller, id);
  }
}
