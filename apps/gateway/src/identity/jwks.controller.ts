import type { JsonWebKeySet } from '@tollgate/contracts';
import { Controller, Get, Header } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Answers } from '../http/openapi.js';
import { Public } from './access-token.guard.js';
import { SigningKeys } from './signing-keys.js';

/** A key must be published for as long before it signs: others keep what they have read. */
const KEPT_SECONDS = 300;

@Public()
@ApiTags('identity')
@Controller('.well-known')
export class JwksController {
  constructor(private readonly keys: SigningKeys) {}

  @Get('jwks.json')
  @Header('cache-control', `public, max-age=${KEPT_SECONDS}`)
  @ApiOperation({ summary: 'The public keys that access tokens are signed with (RFC 7517)' })
  @Answers({ json: 'JsonWebKeySet', errors: [] })
  list(): JsonWebKeySet {
    return { keys: this.keys.all.map(({ jwk }) => jwk) };
  }
}
