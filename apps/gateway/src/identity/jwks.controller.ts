import type { JsonWebKeySet } from '@tollgate/contracts';
import { Controller, Get, Header } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Answers } from '../http/openapi.js';
import { Public } from './access-token.guard.js';
import { SigningKey } from './signing-key.js';

@Public()
@ApiTags('identity')
@Controller('.well-known')
export class JwksController {
  constructor(private readonly key: SigningKey) {}

  @Get('jwks.json')
  @Header('cache-control', 'public, max-age=300')
  @ApiOperation({ summary: 'The public keys that access tokens are signed with (RFC 7517)' })
  @Answers({ json: 'JsonWebKeySet', errors: [] })
  list(): JsonWebKeySet {
    return { keys: [this.key.jwk] };
  }
}
