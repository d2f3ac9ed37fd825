import { Module } from '@nestjs/common';
import { Adjustments } from './adjustments.js';
import { Invoices } from './invoices.js';
import { Invoicing } from './invoicing.js';
import { Reconciliations } from './reconciliations.js';

const services = [Adjustments, Invoices, Invoicing, Reconciliations];

/** Invoices and what stands on them: the only code that touches those tables. */
@Module({ providers: services, exports: services })
export class AccountingModule {}
