import { Invoices, invoicePage, invoicePagePolicy } from '@tollgate/accounting';
import { Caller, invalidRequest, type Invoice, type InvoiceList } from '@tollgate/contracts';
import { Controller, Get, Header, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Answers, Paged, serverErrors, tokenErrors } from '../http/openapi.js';
import { CurrentCaller } from '../identity/current-caller.js';
import { AccountAdminOnly, AdminOnly } from '../identity/permissions.js';

const Id = z.uuid();
const Parameters = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(20),
  after: z.uuid().optional(),
  account_id: z.uuid().optional(),
  status: z.enum(['draft', 'final']).optional(),
});
const errors = [...tokenErrors, 'forbidden' as const, 'invalid_request' as const, ...serverErrors];
const ofStatus = {
  name: 'status',
  description: 'Of this status alone',
  schema: { type: 'string', enum: ['draft', 'final'] },
};

@ApiTags('invoices')
@ApiBearerAuth()
@Controller('api/v1')
export class InvoicesController {
  constructor(private readonly invoices: Invoices) {}

  @Get('invoices')
  @AccountAdminOnly()
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'The invoices of my account, the newest first' })
  @Paged(ofStatus)
  @Answers({ json: 'InvoiceList', errors })
  own(@Query() query: unknown, @CurrentCaller() caller: Caller): Promise<InvoiceList> {
    return this.invoices.list({ ...parse(query), accountId: caller.account_id });
  }

  @Get('invoices/:id')
  @AccountAdminOnly()
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'An invoice of my account' })
  @Answers({ json: 'Invoice', errors: ['not_found', ...errors] })
  get(@Param('id', { schema: Id }) id: string, @CurrentCaller() caller: Caller): Promise<Invoice> {
    return this.invoices.get(id, ownAccountOf(caller));
  }

  @Get('invoices/:id/page')
  @AccountAdminOnly()
  @Header('cache-control', 'no-store')
  @Header('content-type', 'text/html; charset=utf-8')
  @Header('content-security-policy', invoicePagePolicy)
  @ApiOperation({ summary: 'The same as a page to print' })
  @Answers({ text: { 'text/html': '<!doctype html>…' }, errors: ['not_found', ...errors] })
  async page(@Param('id', { schema: Id }) id: string, @CurrentCaller() caller: Caller): Promise<string> {
    return invoicePage(await this.invoices.get(id, ownAccountOf(caller)));
  }

  @Get('admin/invoices')
  @AdminOnly()
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'The invoices of all accounts, or of one, the newest first' })
  @Paged({ name: 'account_id', description: 'Of this account alone' }, ofStatus)
  @Answers({ json: 'InvoiceList', errors })
  all(@Query() query: unknown): Promise<InvoiceList> {
    return this.invoices.list(parse(query));
  }
}

/** Platform admins read the invoices of everybody. */
function ownAccountOf(caller: Caller): string | undefined {
  return caller.role === 'admin' ? undefined : caller.account_id;
}

function parse(query: unknown) {
  const parsed = Parameters.safeParse(query);
  if (!parsed.success) throw invalidRequest(parsed.error.issues, 'query');
  const { account_id: accountId, ...rest } = parsed.data;
  return { ...rest, accountId };
}
