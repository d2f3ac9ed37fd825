import { createHash } from 'node:crypto';
import type { Invoice, InvoiceLine } from '@tollgate/contracts';

const style = `
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; padding: 48px 24px; background: #f3f4f6; color: #1f2430; font: 15px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
main { max-width: 820px; margin: 0 auto; padding: 56px; background: #fff; border-radius: 12px; box-shadow: 0 1px 3px #0002, 0 12px 32px #0000000d; }
header { display: flex; justify-content: space-between; gap: 24px; align-items: flex-start; margin-bottom: 40px; }
h1 { margin: 0; font-size: 30px; line-height: 1.2; letter-spacing: -0.02em; }
.number { margin: 4px 0 0; color: #5b6372; font-variant-numeric: tabular-nums; }
.status { padding: 4px 12px; border-radius: 999px; background: #e3f4e8; color: #17663a; font-size: 13px; font-weight: 600; }
.status.draft { background: #fdf0d5; color: #8a5a00; }
dl { display: grid; grid-template-columns: 2fr 1fr 1fr; gap: 24px; margin: 0 0 40px; }
dt { color: #5b6372; font-size: 13px; }
dd { margin: 2px 0 0; font-weight: 500; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { padding: 0 0 8px; border-bottom: 1px solid #d9dde4; color: #5b6372; font-size: 13px; font-weight: 500; text-align: left; }
td { padding: 14px 0; border-bottom: 1px solid #eceef2; vertical-align: top; }
th + th, td + td { padding-left: 16px; text-align: right; white-space: nowrap; }
td p { margin: 0; overflow-wrap: anywhere; white-space: normal; }
td .note { color: #5b6372; font-size: 13px; }
tfoot td { padding: 20px 0 0; border: 0; font-size: 20px; font-weight: 650; }
footer { margin-top: 48px; padding-top: 20px; border-top: 1px solid #eceef2; color: #5b6372; font-size: 13px; }
footer p { margin: 0 0 4px; }
@media (max-width: 640px) {
  body { padding: 0; }
  main { padding: 28px 20px; border-radius: 0; box-shadow: none; }
  dl { grid-template-columns: 1fr 1fr; }
  dl div:first-child { grid-column: 1 / -1; }
  thead { position: absolute; clip-path: inset(50%); }
  tr { display: grid; grid-template-columns: 1fr auto; column-gap: 16px; padding: 14px 0; border-bottom: 1px solid #eceef2; }
  td, td + td { padding: 0; border: 0; }
  td:nth-child(2), td:nth-child(3) { grid-column: 1; text-align: left; color: #5b6372; font-size: 13px; }
  td:nth-child(2):empty, td:nth-child(3):empty { display: none; }
  tbody td:nth-child(2)::after { content: " tokens"; }
  td:nth-child(3)::after { content: " USD per million"; }
  tbody td:last-child { grid-area: 1 / 2; }
  tfoot tr { border: 0; }
  tfoot td, tfoot td:nth-child(2) { grid-column: auto; padding: 6px 0 0; color: inherit; font-size: 20px; }
}
@media print { body { padding: 0; background: #fff; } main { max-width: none; padding: 0; box-shadow: none; } tr { break-inside: avoid; } }
`;

/** Allows the page its one style sheet, by its hash, and nothing else. */
export const invoicePagePolicy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** The invoice as a page to read and print; without scripts, and nothing of it from elsewhere. */
export function invoicePage(invoice: Invoice): string {
  const title = invoice.number === null ? 'Draft of an invoice' : `Invoice ${invoice.number}`;
  const lines = invoice.lines.map((line) => lineRow(line, invoice)).join('\n');
  const isDraft = invoice.status === 'draft';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<header>
<div><h1>Invoice</h1><p class="number">${escaped(invoice.number ?? 'without a number until it is final')}</p></div>
<span class="status ${invoice.status}">${isDraft ? 'Draft' : 'Final'}</span>
</header>
<dl>
<div><dt>Billed to</dt><dd>${escaped(invoice.bill_to)}</dd></div>
<div><dt>Month</dt><dd>${escaped(periodOf(invoice.month_start, invoice.month_end))}</dd></div>
<div><dt>${isDraft ? 'Final after' : 'Date'}</dt><dd>${escaped(dayOf(invoice.finalized_at ?? invoice.finalize_after))}</dd></div>
</dl>
<table>
<thead><tr><th scope="col">Description</th><th scope="col">Tokens</th><th scope="col">USD per million</th><th scope="col">Amount</th></tr></thead>
<tbody>
${lines}
</tbody>
<tfoot><tr><td colspan="3">Total due</td><td>USD ${escaped(grouped(invoice.total))}</td></tr></tfoot>
</table>
<footer>
<p>All times are UTC. Account ${escaped(invoice.account_id)}.</p>
${isDraft ? '<p>This draft follows what is used and may still change.</p>' : '<p>What changes later for this month is a line of a later invoice.</p>'}
</footer>
</main>
</body>
</html>
`;
}

function lineRow(line: InvoiceLine, invoice: Invoice): string {
  const unitPrice = line.unit_price_micro_usd_per_million;
  const cells = [
    line.tokens === null ? '' : grouped(String(line.tokens)),
    unitPrice === null ? '' : prices.format(Number(unitPrice) / 1e6),
    grouped(line.amount),
  ];
  const note = noteOf(line, invoice);
  const description = `<p>${escaped(line.description)}</p>${note ? `<p class="note">${escaped(note)}</p>` : ''}`;
  return `<tr><td>${description}</td>${cells.map((cell) => `<td>${escaped(cell)}</td>`).join('')}</tr>`;
}

/** The period, where it is not just the invoice's month. */
function noteOf(line: InvoiceLine, invoice: Invoice): string {
  const { starts_at: startsAt, ends_at: endsAt } = line;
  if (!startsAt) return '';
  if (!endsAt) return dayOf(startsAt);
  const isWholeMonth = startsAt.startsWith(invoice.month_start) && endsAt.startsWith(invoice.month_end);
  if (isWholeMonth) return '';
  return line.is_late_change ? `For ${periodOf(startsAt, endsAt)}` : `${momentOf(startsAt)} to ${momentOf(endsAt)}`;
}

const prices = new Intl.NumberFormat('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 6 });
const days = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' });
const moments = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' });

function dayOf(date: string): string {
  return days.format(new Date(date));
}

function momentOf(date: string): string {
  return moments.format(new Date(date));
}

/** @param end excluded */
function periodOf(start: string, end: string): string {
  return days.formatRange(new Date(start), new Date(Date.parse(end) - 1));
}

/** 1234567.50 → 1,234,567.50 */
function grouped(number: string): string {
  return number.replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ',').replace(/^-/, '−');
}

function escaped(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
