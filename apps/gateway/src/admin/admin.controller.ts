import {
  Caller,
  ChangeAccountRequest,
  ChangeUserRequest,
  RefundRequest,
  type AdminAccount,
  type AdminAccountList,
  type AdminUser,
  type AuditEntryList,
} from '@tollgate/contracts';
import { Database } from '@tollgate/database';
import { Corrections } from '@tollgate/metering';
import { Body, Controller, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Answers, bodyErrors, serverErrors, tokenErrors } from '../http/openapi.js';
import { CurrentCaller } from '../identity/current-caller.js';
import { AdminOnly } from '../identity/permissions.js';
import { CostsNothing } from '../limits/route-kind.js';
import { AccountsService } from './accounts.service.js';
import { AuditLog } from './audit-log.js';
import { parseListQuery } from './list-query.js';

const Id = z.uuid();
const uuid = { type: 'string', format: 'uuid' } as const;
const pageSize = { type: 'integer', minimum: 1, maximum: 200, example: 50 } as const;
const errors = [...tokenErrors, 'forbidden' as const, ...bodyErrors, ...serverErrors];

@ApiTags('admin')
@ApiBearerAuth()
@AdminOnly()
@Controller('api/v1/admin')
export class AdminController {
  constructor(
    private readonly database: Database,
    private readonly accounts: AccountsService,
    private readonly corrections: Corrections,
    private readonly audit: AuditLog,
  ) {}

  @Get('accounts')
  @ApiOperation({ summary: 'Accounts with their users, the newest first' })
  @ApiQuery({ name: 'limit', required: false, schema: pageSize, description: '50 unless given' })
  @ApiQuery({ name: 'after', required: false, schema: uuid, description: '`last_id` of the page before' })
  @ApiQuery({ name: 'account_id', required: false, schema: uuid, description: 'This one alone' })
  @Answers({ json: 'AdminAccountList', errors })
  listAccounts(@Query() query: unknown): Promise<AdminAccountList> {
    return this.accounts.list(parseListQuery(query));
  }

  @Patch('accounts/:id')
  @ApiOperation({ summary: "Change an account's plan, on every replica within a second" })
  @Answers({ json: 'AdminAccount', errors: ['not_found', ...errors] })
  changeAccount(
    @Param('id', { schema: Id }) id: string,
    @Body({ schema: ChangeAccountRequest }) { tier }: ChangeAccountRequest,
  ): Promise<AdminAccount> {
    return this.accounts.changeTier(id, tier);
  }

  @Patch('users/:id')
  @ApiOperation({ summary: "Change a user's role, on every replica within a second" })
  @Answers({ json: 'AdminUser', errors: ['not_found', ...errors] })
  changeUser(
    @Param('id', { schema: Id }) id: string,
    @Body({ schema: ChangeUserRequest }) { role }: ChangeUserRequest,
    @CurrentCaller() caller: Caller,
  ): Promise<AdminUser> {
    return this.accounts.changeRole(caller, id, role);
  }

  @Post('refunds')
  @CostsNothing()
  @HttpCode(204)
  @ApiOperation({
    summary: 'Give back part of what an attempt was charged; the same correction_id again changes nothing',
  })
  @Answers({ status: 204, errors: ['not_found', ...errors] })
  async refund(@Body({ schema: RefundRequest }) body: RefundRequest): Promise<void> {
    const { call_id: callId, attempt_number: attemptNumber, correction_id: correctionId, reason } = body;
    // The intent first: a refund without an entry is worse than an entry for a refund that was refused.
    await this.audit.record(this.database, {
      action: 'attempt.refund',
      subject: `attempt:${callId}/${attemptNumber}`,
      after: body,
    });
    await this.corrections.refund({ callId, attemptNumber, correctionId, reason, microUsd: BigInt(body.micro_usd) });
  }

  @Get('audit')
  @ApiOperation({ summary: 'Who changed what, the newest first' })
  @ApiQuery({ name: 'limit', required: false, schema: pageSize, description: '50 unless given' })
  @ApiQuery({ name: 'after', required: false, schema: uuid, description: '`last_id` of the page before' })
  @ApiQuery({ name: 'account_id', required: false, schema: uuid, description: 'What concerns this account' })
  @Answers({ json: 'AuditEntryList', errors })
  listAudit(@Query() query: unknown): Promise<AuditEntryList> {
    return this.audit.list(parseListQuery(query));
  }
}
