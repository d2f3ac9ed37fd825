import { AppError, Caller, type AuditEntryList } from '@tollgate/contracts';
import { Controller, Get, Header, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { Answers, serverErrors, tokenErrors } from '../http/openapi.js';
import { CurrentCaller } from '../identity/current-caller.js';
import { LoginOnly } from '../identity/permissions.js';
import { AuditLog } from './audit-log.js';
import { parseListQuery } from './list-query.js';

/** What an account's admins may read of the audit log: what concerns their account. */
@ApiTags('identity')
@ApiBearerAuth()
@LoginOnly()
@Controller('api/v1/audit')
export class AccountAuditController {
  constructor(private readonly audit: AuditLog) {}

  @Get()
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Sign-ins, keys and changes of my account, the newest first; for who runs it' })
  @ApiQuery({ name: 'limit', required: false, example: 50, description: 'At most 200' })
  @ApiQuery({ name: 'after', required: false, description: '`last_id` of the page before' })
  @Answers({ json: 'AuditEntryList', errors: ['invalid_request', ...tokenErrors, 'forbidden', ...serverErrors] })
  async list(@Query() query: unknown, @CurrentCaller() caller: Caller): Promise<AuditEntryList> {
    if (caller.role === 'user') throw new AppError('forbidden', 'This is for those who run the account.');
    return this.audit.list({ ...parseListQuery(query), accountId: caller.account_id });
  }
}
