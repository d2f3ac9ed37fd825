import { AppError, LoginRequest, RefreshRequest, RegisterRequest, type TokenResponse } from '@tollgate/contracts';
import type {} from '@fastify/cookie';
import { Body, Controller, Header, HttpCode, Inject, Ip, Post, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Answers, bodyErrors, serverErrors } from '../http/openapi.js';
import { SignInRoute } from '../limits/route-kind.js';
import { SignInAttempts } from '../limits/sign-in-attempts.js';
import { Public } from './access-token.guard.js';
import { IDENTITY_OPTIONS, type IdentityOptions } from './identity-options.js';
import { IdentityService } from './identity.service.js';

/**
 * For browsers: the refresh token, out of reach of scripts that run later, and sent to these routes only. The body has it
 * as well, for clients without cookies: the script that logs in sees it, and a page should not keep it.
 */
const REFRESH_COOKIE = 'tollgate_refresh';

const authErrors = [...bodyErrors, ...serverErrors];

const OptionalRefreshRequest = RefreshRequest.nullish();

@Public()
@SignInRoute()
@ApiTags('identity')
@Controller('api/v1/auth')
export class AuthController {
  constructor(
    @Inject(IDENTITY_OPTIONS) private readonly options: IdentityOptions,
    private readonly identity: IdentityService,
    private readonly attempts: SignInAttempts,
  ) {}

  @Post('register')
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Create an account (plan free) with its first user' })
  @Answers({ status: 201, json: 'TokenResponse', errors: ['email_taken', ...authErrors] })
  async register(
    @Body({ schema: RegisterRequest }) body: RegisterRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TokenResponse> {
    return this.withCookie(reply, await this.identity.register(body));
  }

  @Post('login')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Log in with email and password' })
  @Answers({ json: 'TokenResponse', errors: ['invalid_credentials', ...authErrors] })
  async login(
    @Body({ schema: LoginRequest }) body: LoginRequest,
    @Ip() address: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TokenResponse> {
    const signIn = { email: body.email, address };
    await this.attempts.begin(signIn);
    const tokens = await this.identity.login(body);
    await this.attempts.succeed(signIn);
    return this.withCookie(reply, tokens);
  }

  @Post('refresh')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Exchange a refresh token (body or cookie) for new tokens; the old one is used up' })
  @Answers({ json: 'TokenResponse', errors: ['invalid_refresh_token', ...authErrors] })
  async refresh(
    @Body({ schema: OptionalRefreshRequest }) body: RefreshRequest | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TokenResponse> {
    const token = tokenOf(body, request);
    if (!token) throw new AppError('invalid_request', 'refresh_token: is required', { param: 'refresh_token' });
    return this.withCookie(reply, await this.identity.refresh(token));
  }

  @Post('logout')
  @HttpCode(204)
  @ApiOperation({ summary: 'End this login: its refresh tokens stop working' })
  @Answers({ status: 204, errors: authErrors })
  async logout(
    @Body({ schema: OptionalRefreshRequest }) body: RefreshRequest | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const token = tokenOf(body, request);
    if (token) await this.identity.logout(token);
    reply.clearCookie(REFRESH_COOKIE, this.cookieOptions());
  }

  private withCookie(reply: FastifyReply, tokens: TokenResponse): TokenResponse {
    reply.setCookie(REFRESH_COOKIE, tokens.refresh_token, {
      ...this.cookieOptions(),
      maxAge: tokens.refresh_expires_in,
    });
    return tokens;
  }

  private cookieOptions() {
    return { path: '/api/v1/auth', httpOnly: true, sameSite: 'strict', secure: this.options.cookieSecure } as const;
  }
}

function tokenOf(body: RefreshRequest | null | undefined, request: FastifyRequest): string | undefined {
  return body?.refresh_token ?? request.cookies[REFRESH_COOKIE];
}
