const id = '019a9f3e-5d0c-7a58-9d0f-4c5c0f6f2a11';
const account_id = '019a9f40-11c2-7b3e-8f0a-6a7c1d2e3f40';
const created_at = '2026-11-21T10:30:00.000Z';
const page = { object: 'list', has_more: false, last_id: id };

const terms = {
  code: 'team',
  fee_micro_usd: '20000000',
  tokens_per_month: 5_000_000,
  tokens_overage: 'bill',
  tokens_hard_cap: 50_000_000,
  overage_pricing: 'flat',
  overage_micro_usd_per_million: '1000000',
  calls_per_day: 20_000,
  requests_per_minute: 600,
  concurrent_requests: 40,
  max_output_tokens: 8_192,
};
const plan = { object: 'plan', ...terms, version: 1, effective_from: created_at, in_force: true };

const noDetails = { plan: null, plan_version: null, tokens: null, unit_price_micro_usd_per_million: null };
const line = {
  component: 'fee',
  is_late_change: false,
  month_start: '2026-10-21',
  description: 'Plan pro, one month',
  starts_at: '2026-10-21T00:00:00.000Z',
  ends_at: '2026-11-21T00:00:00.000Z',
  ...noDetails,
  plan: 'pro',
  plan_version: 1,
  adjustment_id: null,
  amount_micro_usd: '20000000',
  amount: '20.00',
};
const invoice = {
  id,
  object: 'invoice',
  account_id,
  number: 'TG-2026-000123',
  status: 'final',
  currency: 'USD',
  bill_to: 'Ada & Sons Ltd',
  month_start: '2026-10-21',
  month_end: '2026-11-21',
  finalize_after: '2026-11-22T00:00:00.000Z',
  finalized_at: '2026-11-22T00:00:21.000Z',
  created_at,
  total_micro_usd: '21400000',
  total: '21.40',
  lines: [
    line,
    {
      ...line,
      component: 'overage',
      description: 'Tokens beyond those of plan pro',
      tokens: 1_400_000,
      unit_price_micro_usd_per_million: '1000000',
      amount_micro_usd: '1400000',
      amount: '1.40',
    },
  ],
};

const webhook = {
  id,
  object: 'webhook',
  account_id,
  url: 'https://hooks.example.com/tollgate',
  event_types: ['usage.threshold_reached'],
  description: 'Usage to the channel of the team',
  disabled: false,
  created_at,
  previous_secret_until: null,
};
const delivery = {
  id,
  object: 'webhook_delivery',
  webhook_id: id,
  event_id: id,
  event_type: 'usage.threshold_reached',
  status: 'delivered',
  attempts_made: 1,
  attempts_max: 14,
  next_attempt_at: null,
  created_at,
  ended_at: created_at,
  attempts: [{ at: created_at, duration_ms: 87, http_status: 204, failure: null, answer: '' }],
};

const prices = { input: '150000', cached_input: '75000', output: '600000', reasoning: '600000' };
const charges = { input: '300000', cached_input: '150000', output: '1200000', reasoning: '1200000' };
const price = { id: '42', object: 'price', provider: 'openai', model: 'gpt-4o-mini', cost: prices, charge: charges };
const priced = { ...price, effective_from: created_at, origin: 'admin' };

const user = { id, object: 'user', account_id, email: 'ada@example.com', role: 'user', disabled: false, created_at };
const invite = {
  id,
  object: 'invite',
  account_id,
  email: 'ada@example.com',
  role: 'account_admin',
  status: 'open',
  created_at,
  expires_at: '2026-11-28T10:30:00.000Z',
};
const createdInvite = { ...invite, token: 'Zm9yIG9uZSB1c2UsIGJ5IG9uZSBwZXJzb24' };
const account = {
  id: account_id,
  object: 'account',
  name: 'Ada & Sons Ltd',
  tier: 'pro',
  planned_change: { tier: 'free', effective_at: '2026-12-21T00:00:00.000Z' },
  suspended: false,
  created_at,
  users: [user],
};
const adjustment = {
  id,
  object: 'adjustment',
  account_id,
  amount_micro_usd: '-5000000',
  amount: '-5.00',
  reason: 'Credit for the outage of 3 November',
  created_at,
  invoice_id: null,
};
const reconciliation = {
  id,
  object: 'reconciliation',
  provider: 'openai',
  file_name: 'completions_usage_2026-11.csv',
  file_hash: '6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b',
  bytes: 18_204,
  rows: 240,
  first_day: '2026-11-01',
  last_day: '2026-11-01',
  imported_at: created_at,
  drift_tokens: 0,
  days: [
    {
      day: '2026-11-01',
      model: 'gpt-4o-mini',
      provider_input_tokens: 48_210,
      ledger_input_tokens: 48_210,
      provider_cached_tokens: 1_024,
      ledger_cached_tokens: 1_024,
      provider_output_tokens: 9_310,
      ledger_output_tokens: 9_310,
      provider_requests: 120,
      ledger_attempts: 120,
      provider_cost_micro_usd: null,
      ledger_cost_micro_usd: '12818',
      drift_tokens: 0,
    },
  ],
};

/** Of the shapes of accounts, plans, invoices and webhooks. */
export const accountingExamples: Record<string, unknown> = {
  CreatePlanRequest: terms,
  Plan: plan,
  PlanList: { object: 'list', data: [plan] },
  AdminAccount: account,
  AdminAccountList: { ...page, data: [account] },
  AdminUser: user,
  UserList: { ...page, data: [user] },
  CreateAccountRequest: { name: 'Ada & Sons Ltd', tier: 'pro', admin_email: 'ada@example.com' },
  CreatedAccount: { account: { ...account, users: [] }, invite: createdInvite },
  ChangeAccountRequest: { tier: 'pro', when: 'period_end' },
  ChangeUserRequest: { disabled: true },
  CreateUserRequest: { email: 'ada@example.com', password: 'correct horse battery', role: 'user' },
  CreateInviteRequest: { email: 'ada@example.com', role: 'user' },
  AcceptInviteRequest: { token: createdInvite.token, password: 'correct horse battery' },
  Invite: invite,
  InviteList: { ...page, data: [invite] },
  CreatedInvite: createdInvite,
  Invoice: invoice,
  InvoiceList: { ...page, data: [invoice] },
  CreateAdjustmentRequest: {
    adjustment_id: id,
    account_id,
    amount_micro_usd: '-5000000',
    reason: 'Credit for the outage of 3 November',
  },
  Adjustment: adjustment,
  AdjustmentList: { ...page, data: [adjustment] },
  CreatePriceRequest: { provider: 'openai', model: 'gpt-4o-mini', cost: prices, charge: charges },
  Price: priced,
  PriceList: { ...page, last_id: '42', data: [priced] },
  RerateRequest: { correction_id: id, call_id: id, price_id: '42', reason: 'The price list was wrong.' },
  Webhook: webhook,
  WebhookList: { object: 'list', data: [webhook] },
  WebhookWithSecret: { ...webhook, secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' },
  CreateWebhookRequest: { url: webhook.url, event_types: webhook.event_types },
  UpdateWebhookRequest: { disabled: true },
  WebhookDelivery: delivery,
  WebhookDeliveryList: { ...page, data: [delivery] },
  Reconciliation: reconciliation,
  ReconciliationList: { ...page, data: [reconciliation] },
};
