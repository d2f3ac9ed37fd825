import { Caller, CreateApiKeyRequest, type ApiKeyList, type CreatedApiKey } from '@tollgate/contracts';
import { Body, Controller, Delete, Get, Header, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Answers, bodyErrors, serverErrors, tokenErrors } from '../http/openapi.js';
import { CurrentCaller } from '../identity/current-caller.js';
import { LoginOnly } from '../identity/permissions.js';
import { CostsNothing } from '../limits/route-kind.js';
import { ApiKeys } from './api-keys.service.js';

const Id = z.uuid();

@ApiTags('api keys')
@ApiBearerAuth()
@LoginOnly()
@Controller('api/v1/api-keys')
export class ApiKeysController {
  constructor(private readonly keys: ApiKeys) {}

  @Get()
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'My API keys; those of the whole account for who runs it' })
  @Answers({ json: 'ApiKeyList', errors: [...tokenErrors, 'forbidden', ...serverErrors] })
  list(@CurrentCaller() caller: Caller): Promise<ApiKeyList> {
    return this.keys.list(caller);
  }

  @Post()
  @CostsNothing()
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Create an API key; this answer alone has the key itself' })
  @Answers({
    status: 201,
    json: 'CreatedApiKey',
    errors: [...bodyErrors, ...tokenErrors, 'forbidden', ...serverErrors],
  })
  create(
    @Body({ schema: CreateApiKeyRequest }) body: CreateApiKeyRequest,
    @CurrentCaller() caller: Caller,
  ): Promise<CreatedApiKey> {
    return this.keys.create(caller, body);
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Revoke an API key, on every replica within a second' })
  @Answers({ status: 204, errors: ['invalid_request', ...tokenErrors, 'forbidden', 'not_found', ...serverErrors] })
  async revoke(@Param('id', { schema: Id }) id: string, @CurrentCaller() caller: Caller): Promise<void> {
    await this.keys.revoke(caller, id);
  }
}
