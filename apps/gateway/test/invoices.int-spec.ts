import { Invoicing } from '@tollgate/accounting';
import { Reconciliation } from '@tollgate/contracts';
import { Database } from '@tollgate/database';
import { bearer, bootGateway, newUser, PASSWORD, type Gateway } from './gateway.js';
import { recordServed } from './served-attempt.js';

const ADMIN_EMAIL = 'admin@example.com';
const DAY_MS = 86_400_000;

let gateway: Gateway;
let database: Database;
let admin: { authorization: string };

beforeAll(async () => {
  gateway = await bootGateway({ ADMIN_EMAIL, ADMIN_PASSWORD: PASSWORD });
  database = gateway.app.get(Database);
  const { body } = await gateway.post('/api/v1/auth/login', { email: ADMIN_EMAIL, password: PASSWORD });
  admin = bearer(String(body['access_token']));
}, 60_000);
afterAll(() => gateway.close());

async function payer(name: string) {
  const user = await newUser(gateway);
  const { accountId, id } = await database.user.findUniqueOrThrow({ where: { email: user.email } });
  await database.account.update({ where: { id: accountId }, data: { name, planCode: 'pro' } });
  return { ...user, accountId, id };
}

/** As billing would, some months from now. */
async function invoiceMonths(accountId: string, months: number): Promise<void> {
  const { nextAt } = await database.invoiceSchedule.findUniqueOrThrow({ where: { accountId } });
  for (let month = 0; month < months; month += 1) {
    await gateway.app
      .get(Invoicing, { strict: false })
      .advance(accountId, new Date(nextAt.getTime() + (month * 31 + 3) * DAY_MS));
  }
}

describe('invoices', () => {
  it('are seen by whose they are, page after page, and by platform admins', async () => {
    const [one, other] = [await payer('One'), await payer('Other')];
    await invoiceMonths(one.accountId, 3);
    const first = await gateway.get('/api/v1/invoices?limit=2&status=final', one.bearer);
    expect(first.body).toMatchObject({ has_more: true, data: [{ bill_to: 'One', status: 'final' }, {}] });
    const rest = await gateway.get(`/api/v1/invoices?limit=2&after=${String(first.body['last_id'])}`, one.bearer);
    expect(rest.body).toMatchObject({ has_more: false, data: [{}] });
    const id = String(first.body['last_id']);
    expect((await gateway.get(`/api/v1/invoices/${id}`, one.bearer)).body['total']).toMatch(/^\d+\.\d\d$/);
    expect((await gateway.get('/api/v1/invoices', other.bearer)).body['data']).toEqual([]);
    expect((await gateway.get(`/api/v1/invoices/${id}`, other.bearer)).status).toBe(404);
    expect((await gateway.get(`/api/v1/invoices/${id}/page`, other.bearer)).status).toBe(404);
    expect((await gateway.get(`/api/v1/invoices?account_id=${one.accountId}`, other.bearer)).status).toBe(400);
    expect((await gateway.get('/api/v1/invoices', other.bearer)).body['data']).toEqual([]);
    expect((await gateway.get('/api/v1/admin/invoices', other.bearer)).status).toBe(403);
    const all = await gateway.get(`/api/v1/admin/invoices?account_id=${one.accountId}`, admin);
    expect(all.body['data']).toHaveLength(3);
    expect((await gateway.get('/api/v1/invoices?status=paid', one.bearer)).body.error?.param).toBe('status');
  });

  it('are pages to print, on which nothing of a tenant is markup', async () => {
    const { accountId, bearer: login } = await payer('<script>alert(1)</script> & "Sons"');
    await invoiceMonths(accountId, 1);
    const { body } = await gateway.get('/api/v1/invoices', login);
    const [invoice] = body['data'] as { id: string }[];
    const response = await fetch(`${gateway.url}/api/v1/invoices/${invoice?.id}/page`, { headers: login });
    const html = await response.text();
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-[^']+'; /);
    expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;Sons&quot;');
    expect(html).not.toMatch(/<script|javascript:|https?:\/\//);
    expect(html).toContain('TG-');
  });
});

describe("a provider's export", () => {
  const upload = (csv: string | Uint8Array<ArrayBuffer>, query = 'provider=p', type = 'text/csv') =>
    fetch(`${gateway.url}/api/v1/admin/reconciliations?${query}`, {
      method: 'POST',
      headers: { ...admin, 'content-type': type },
      body: csv,
    });

  it('stands beside the ledger by model and day, the same file once', async () => {
    const { accountId, id: userId } = await payer('Used');
    const today = new Date().toISOString().slice(0, 10);
    await recordServed(gateway.app, {
      accountId,
      userId,
      tokens: { input: 1_000, cached: 100, output: 50 },
      cost: 1_000_000n,
    });
    const csv = `\uFEFFStart Time ISO;Model;num_model_requests;input_tokens;input_cached_tokens;output_tokens;"a ""quoted"" one"\r\n${today}T09:00:00Z;m-2026-01-31;1;900;100;50;"x;\ny"\r\n${today}T10:00:00+01:00;m;1;200;0;0;\r\n`;
    const imported = Reconciliation.parse(await (await upload(csv, 'provider=p&file_name=usage.csv')).json());
    expect(imported).toMatchObject({
      provider: 'p',
      rows: 2,
      file_name: 'usage.csv',
      first_day: today,
      drift_tokens: 100,
    });
    expect(imported.days).toMatchObject([
      {
        day: today,
        model: 'm',
        provider_input_tokens: 1_100,
        ledger_input_tokens: 1_000,
        provider_output_tokens: 50,
        ledger_output_tokens: 50,
        provider_requests: 2,
        ledger_attempts: 1,
        drift_tokens: 100,
        provider_cost_micro_usd: null,
        ledger_cost_micro_usd: '1050',
      },
    ]);
    const again = await Promise.all([upload(csv), upload(csv)]);
    expect(
      (await Promise.all(again.map((response) => response.json()))).map((body) => Reconciliation.parse(body).id),
    ).toEqual([imported.id, imported.id]);
    expect(await database.auditEntry.count({ where: { action: 'reconciliation.import' } })).toBe(1);
    // What is corrected later shows.
    await recordServed(gateway.app, {
      accountId,
      userId,
      tokens: { input: 100, cached: 0, output: 0 },
      cost: 1_000_000n,
    });
    const { body } = await gateway.get(`/api/v1/admin/reconciliations/${imported.id}`, admin);
    expect(body['drift_tokens']).toBe(0);
    expect((await gateway.get('/api/v1/admin/reconciliations', admin)).body['data']).toHaveLength(1);
  });

  it.each([
    ['', null, 400],
    ['date,model,input_tokens\n', 'output', 400],
    ['date,model,input_tokens,output_tokens\n', null, 400],
    ['date,model,input_tokens,output_tokens\nyesterday,m,1,1\n', 'day', 400],
    ['date,model,input_tokens,output_tokens\n2026-11-01,m,-1,1\n', 'input', 400],
    ['date,model,input_tokens,output_tokens\n2026-11-01,,1,1\n', 'model', 400],
    ['date,model,input_tokens,output_tokens,currency\n2026-11-01,m,1,1,eur\n', 'currency', 400],
    ['date,model,input_tokens,output_tokens\n2026-11-01,"m,1,1\n', 'line 2', 400],
    [`date,model,input_tokens,output_tokens\n2026-11-01,${'m'.repeat(20_000)},1,1\n`, 'line 2', 400],
  ])('that is wrong is refused, and the error says where: %#', async (csv, param, status) => {
    const response = await upload(csv);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { param } });
  });

  it('has 16 MiB at most; a byte more is refused, and the client hears why', async () => {
    const bytesMax = 16 * 1024 * 1024;
    const row = `2026-11-01,m,1,1,${'x'.repeat(9_000)}\n`;
    const rows = Math.floor(bytesMax / row.length) - 1;
    // Empty lines are no rows.
    const csv = `date,model,input_tokens,output_tokens,note\n${row.repeat(rows)}`.padEnd(bytesMax, '\n');
    const exports = await database.providerExport.count();
    const refused = await upload(`${csv}\n`);
    expect(refused.status).toBe(413);
    expect(await refused.json()).toMatchObject({ error: { code: 'payload_too_large' } });
    expect(await database.providerExport.count()).toBe(exports);
    const taken = await upload(csv);
    expect(Reconciliation.parse(await taken.json())).toMatchObject({ rows, bytes: bytesMax });
  });

  it('goes to no other route', async () => {
    const headers = { ...admin, 'content-type': 'text/csv' };
    const response = await fetch(`${gateway.url}/api/v1/admin/plans`, { method: 'POST', headers, body: 'a,b\n' });
    expect(response.status).toBe(415);
    expect((await upload('{}', 'provider=p', 'application/json')).status).toBe(415);
  });
});
