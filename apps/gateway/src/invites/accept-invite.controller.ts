import { AcceptInviteRequest, type TokenResponse } from '@tollgate/contracts';
import { asService } from '@tollgate/database';
import { Body, Controller, Header, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Answers, bodyErrors, serverErrors } from '../http/openapi.js';
import { Public } from '../identity/access-token.guard.js';
import { IdentityService } from '../identity/identity.service.js';
import { SignInRoute } from '../limits/route-kind.js';
import { Invites } from './invites.service.js';

@Public()
@SignInRoute()
@ApiTags('identity')
@Controller('api/v1/auth/accept-invite')
export class AcceptInviteController {
  constructor(
    private readonly invites: Invites,
    private readonly identity: IdentityService,
  ) {}

  @Post()
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Become a user of the account that invited me, and log in' })
  @Answers({ status: 201, json: 'TokenResponse', errors: ['email_taken', ...bodyErrors, ...serverErrors] })
  async accept(@Body({ schema: AcceptInviteRequest }) body: AcceptInviteRequest): Promise<TokenResponse> {
    // Whose account it is, only the invitation knows.
    const email = await asService(() => this.invites.accept(body));
    return this.identity.login({ email, password: body.password });
  }
}
