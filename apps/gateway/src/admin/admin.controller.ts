import {
  Caller,
  ChangeAccountRequest,
  ChangeUserRequest,
  CreateAccountRequest,
  CreateUserRequest,
  type AdminAccount,
  type AdminAccountList,
  type AdminUser,
  type AuditEntryList,
  type CreatedAccount,
  type InviteList,
  type UserList,
} from '@tollgate/contracts';
import { Body, Controller, Delete, Get, Header, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Answers, bodyErrors, Paged, serverErrors, tokenErrors } from '../http/openapi.js';
import { CurrentCaller } from '../identity/current-caller.js';
import { AdminOnly } from '../identity/permissions.js';
import { Invites } from '../invites/invites.service.js';
import { CostsNothing } from '../limits/route-kind.js';
import { Members } from '../members/members.service.js';
import { AccountsService } from './accounts.service.js';
import { AuditLog } from './audit-log.js';
import { parseListQuery } from './list-query.js';

const Id = z.uuid();
const errors = [...tokenErrors, 'forbidden' as const, ...bodyErrors, ...serverErrors];
const ofAccount = { name: 'account_id', description: 'Of this account alone' };

@ApiTags('admin')
@ApiBearerAuth()
@AdminOnly()
@CostsNothing()
@Controller('api/v1/admin')
export class AdminController {
  constructor(
    private readonly accounts: AccountsService,
    private readonly members: Members,
    private readonly invites: Invites,
    private readonly audit: AuditLog,
  ) {}

  @Get('accounts')
  @ApiOperation({ summary: 'Accounts with their users, the newest first' })
  @Paged({ name: 'account_id', description: 'This one alone' })
  @Answers({ json: 'AdminAccountList', errors })
  listAccounts(@Query() query: unknown): Promise<AdminAccountList> {
    return this.accounts.list(parseListQuery(query));
  }

  @Post('accounts')
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Create an account, with an invitation for whoever is to run it' })
  @Answers({ status: 201, json: 'CreatedAccount', errors: ['email_taken', ...errors] })
  createAccount(@Body({ schema: CreateAccountRequest }) body: CreateAccountRequest): Promise<CreatedAccount> {
    return this.accounts.create(body);
  }

  @Patch('accounts/:id')
  @ApiOperation({
    summary:
      "Change an account's plan, now or at the end of its month, its name, or suspend it; on every replica within a second",
  })
  @Answers({ json: 'AdminAccount', errors: ['not_found', ...errors] })
  changeAccount(
    @Param('id', { schema: Id }) id: string,
    @Body({ schema: ChangeAccountRequest }) body: ChangeAccountRequest,
  ): Promise<AdminAccount> {
    return this.accounts.change(id, body);
  }

  @Get('users')
  @ApiOperation({ summary: 'Users, the newest first' })
  @Paged(ofAccount)
  @Answers({ json: 'UserList', errors })
  listUsers(@Query() query: unknown): Promise<UserList> {
    return this.members.list(parseListQuery(query));
  }

  @Post('users')
  @ApiOperation({ summary: 'Create a user of an account' })
  @Answers({ status: 201, json: 'AdminUser', errors: ['email_taken', 'not_found', ...errors] })
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
  @ApiOperation({ summary: 'Invitations, the newest first' })
  @Paged(ofAccount)
  @Answers({ json: 'InviteList', errors })
  listInvites(@Query() query: unknown): Promise<InviteList> {
    return this.invites.list(parseListQuery(query));
  }

  @Get('audit')
  @ApiOperation({ summary: 'Who changed what, the newest first' })
  @Paged({ name: 'account_id', description: 'What concerns this account' })
  @Answers({ json: 'AuditEntryList', errors })
  listAudit(@Query() query: unknown): Promise<AuditEntryList> {
    return this.audit.list(parseListQuery(query));
  }
}
