export { AccountingModule } from './accounting.module.js';
export { Adjustments } from './adjustments.js';
export { invoicePage, invoicePagePolicy } from './invoice-page.js';
export { Invoices, type InvoiceQuery } from './invoices.js';
export { Invoicing, type InvoicingStep } from './invoicing.js';
export { dollars } from './money.js';
export { Reconciliations } from './reconciliations.js';
