import {
  Caller,
  ChangeUserRequest,
  CreateInviteRequest,
  CreateUserRequest,
  type AdminUser,
  type AuditEntryList,
  type CreatedInvite,
  type InviteList,
  type UserList,
} from '@tollgate/contracts';
import { Body, Controller, Delete, Get, Header, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { AuditLog } from '../admin/audit-log.js';
import { parseListQuery } from '../admin/list-query.js';
import { Answers, bodyErrors, Paged, serverErrors, tokenErrors } from '../http/openapi.js';
import { CurrentCaller } from '../identity/current-caller.js';
import { AccountAdminOnly } from '../identity/permissions.js';
import { Invites } from '../invites/invites.service.js';
import { CostsNothing } from '../limits/route-kind.js';
import { Members } from './members.service.js';

const Id = z.uuid();
const errors = [...tokenErrors, 'forbidden' as const, ...bodyErrors, ...serverErrors];

/** My own account, for those who run it. */
@ApiTags('account')
@ApiBearerAuth()
@AccountAdminOnly()
@CostsNothing()
@Controller('api/v1/account')
export class AccountController {
  constructor(
    private readonly members: Members,
    private readonly invites: Invites,
    private readonly audit: AuditLog,
  ) {}

  @Get('users')
  @ApiOperation({ summary: 'The users of my account, the newest first' })
  @Paged()
  @Answers({ json: 'UserList', errors })
  listUsers(@Query() query: unknown, @CurrentCaller() caller: Caller): Promise<UserList> {
    return this.members.list({ ...parseListQuery(query), accountId: caller.account_id });
  }

  @Post('users')
  @ApiOperation({ summary: 'Create a user of my account' })
  @Answers({ status: 201, json: 'AdminUser', errors: ['not_found', 'email_taken', ...errors] })
  createUser(
    @Body({ schema: CreateUserRequest }) body: CreateUserRequest,
    @CurrentCaller() caller: Caller,
  ): Promise<AdminUser> {
    return this.members.create(caller, body);
  }

  @Patch('users/:id')
  @ApiOperation({ summary: "Change a user's role, disable or enable them, on every replica within a second" })
  @Answers({ json: 'AdminUser', errors: ['not_found', ...errors] })
  changeUser(
    @Param('id', { schema: Id }) id: string,
    @Body({ schema: ChangeUserRequest }) body: ChangeUserRequest,
    @CurrentCaller() caller: Caller,
  ): Promise<AdminUser> {
    return this.members.change(caller, id, body);
  }

  @Delete('users/:id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete a user with all of their tokens, keys and chat sessions' })
  @Answers({ status: 204, errors: ['not_found', ...errors] })
  deleteUser(@Param('id', { schema: Id }) id: string, @CurrentCaller() caller: Caller): Promise<void> {
    return this.members.delete(caller, id);
  }

  @Get('invites')
  @ApiOperation({ summary: 'The invitations into my account, the newest first' })
  @Paged()
  @Answers({ json: 'InviteList', errors })
  listInvites(@Query() query: unknown, @CurrentCaller() caller: Caller): Promise<InviteList> {
    return this.invites.list({ ...parseListQuery(query), accountId: caller.account_id });
  }

  @Post('invites')
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Invite somebody into my account; the token is shown once, and valid for a week' })
  @Answers({ status: 201, json: 'CreatedInvite', errors: ['not_found', 'email_taken', ...errors] })
  invite(
    @Body({ schema: CreateInviteRequest }) body: CreateInviteRequest,
    @CurrentCaller() caller: Caller,
  ): Promise<CreatedInvite> {
    return this.invites.invite(caller, body);
  }

  @Delete('invites/:id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Take an invitation back' })
  @Answers({ status: 204, errors: ['not_found', ...errors] })
  revokeInvite(@Param('id', { schema: Id }) id: string, @CurrentCaller() caller: Caller): Promise<void> {
    return this.invites.revoke(caller, id);
  }

  @Get('audit')
  @ApiOperation({ summary: 'Who changed what of my account, the newest first' })
  @Paged()
  @Answers({ json: 'AuditEntryList', errors })
  listAudit(@Query() query: unknown, @CurrentCaller() caller: Caller): Promise<AuditEntryList> {
    return this.audit.list({ ...parseListQuery(query), accountId: caller.account_id });
  }
}
