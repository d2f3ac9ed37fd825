import { AccountingModule } from '@tollgate/accounting';
import { Module } from '@nestjs/common';
import { AcceptInviteController } from '../invites/accept-invite.controller.js';
import { Invites } from '../invites/invites.service.js';
import { InvoicesController } from '../invoices/invoices.controller.js';
import { AccountController } from '../members/account.controller.js';
import { Members } from '../members/members.service.js';
import { ReconciliationsController } from '../reconciliation/reconciliations.controller.js';
import { AccountsService } from './accounts.service.js';
import { AdminBillingController } from './admin-billing.controller.js';
import { AdminController } from './admin.controller.js';
import { CorrectionsService } from './corrections.service.js';
import { TermsService } from './terms.service.js';

/** Accounts, their users and invoices, and what is sold to them: for those who run an account, and those who run the platform. */
@Module({
  imports: [AccountingModule],
  controllers: [
    AcceptInviteController,
    AccountController,
    AdminBillingController,
    AdminController,
    InvoicesController,
    ReconciliationsController,
  ],
  providers: [AccountsService, CorrectionsService, Invites, Members, TermsService],
})
export class AccountsModule {}
