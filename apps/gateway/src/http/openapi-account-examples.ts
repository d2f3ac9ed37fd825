const user_id = '019a9f00-0001-7aaa-8bbb-0c0d0e0f1011';
const account_id = '019a9f00-0002-7aaa-8bbb-0c0d0e0f1011';
const key_id = '019a9f00-0003-7aaa-8bbb-0c0d0e0f1011';
const request_id = '019a9f3e-5d0c-7a58-9d0f-4c5c0f6f2a11';
const at = '2026-11-21T10:30:00.000Z';

const login = { email: 'ada@example.com', password: 'correct horse battery' };
const user = { id: user_id, object: 'user', email: login.email, role: 'account_admin', created_at: at };
const account = { id: account_id, object: 'account', tier: 'pro', created_at: at, users: [user] };
const lastPage = { has_more: false, last_id: null };

const apiKey = {
  id: key_id,
  object: 'api_key',
  name: 'billing service',
  start: 'tg_live_4fPw',
  scopes: ['inference', 'usage'],
  user_id,
  created_at: at,
  expires_at: null,
  last_used_at: at,
};

const usageResult = {
  object: 'usage.result',
  user: null,
  account: null,
  tier: null,
  model: 'gemma3:4b',
  provider: null,
  task: null,
  attempts: 12,
  failed_attempts: 0,
  cache_hits: 2,
  input_tokens: 5_120,
  cached_tokens: 0,
  output_tokens: 1_480,
  reasoning_tokens: 0,
  counted_tokens: 6_600,
  charge_micro_usd: '1234',
};

/** Of the shapes of users, keys, usage and administration. */
export const accountExamples: Record<string, unknown> = {
  RegisterRequest: login,
  LoginRequest: login,
  RefreshRequest: { refresh_token: '4JtB0v2mQ1h8w7y3kV5nXr6sZ9aCeGdF' },
  TokenResponse: {
    access_token: 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.…',
    token_type: 'Bearer',
    expires_in: 900,
    refresh_token: '4JtB0v2mQ1h8w7y3kV5nXr6sZ9aCeGdF',
    refresh_expires_in: 2_592_000,
  },
  JsonWebKeySet: {
    keys: [
      {
        kty: 'EC',
        crv: 'P-256',
        x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
        y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
        kid: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
        alg: 'ES256',
        use: 'sig',
      },
    ],
  },
  MeResponse: {
    id: user_id,
    account_id,
    email: login.email,
    role: 'account_admin',
    tier: 'pro',
    created_at: at,
    usage: {
      tokens_this_month: {
        used: 6_600,
        limit: 1_000_000,
        resets_at: '2026-12-01T00:00:00.000Z',
        input: 5_120,
        output: 1_480,
      },
      calls_today: { used: 12, limit: 1_000, resets_at: '2026-11-22T00:00:00.000Z' },
    },
  },
  CreateApiKeyRequest: { name: apiKey.name, scopes: apiKey.scopes, expires_at: '2030-01-01T00:00:00Z' },
  CreatedApiKey: { ...apiKey, last_used_at: null, key: 'tg_live_4fPw…' },
  ApiKeyList: { object: 'list', data: [apiKey] },
  UsagePage: {
    object: 'page',
    data: [{ object: 'bucket', start_time: 1_763_683_200, end_time: 1_763_769_600, results: [usageResult] }],
    has_more: false,
    next_page: null,
  },
  AdminUser: user,
  AdminAccount: account,
  AdminAccountList: { object: 'list', data: [account], ...lastPage },
  ChangeAccountRequest: { tier: 'pro' },
  ChangeUserRequest: { role: 'account_admin' },
  RefundRequest: {
    correction_id: '019a9f50-0001-7aaa-8bbb-0c0d0e0f1011',
    call_id: request_id,
    attempt_number: 1,
    micro_usd: '1500',
    reason: 'The answer was cut off.',
  },
  AuditEntryList: {
    object: 'list',
    data: [
      {
        id: '019a9f51-0001-7aaa-8bbb-0c0d0e0f1011',
        object: 'audit_entry',
        at,
        actor_user_id: user_id,
        request_id,
        action: 'account.change_tier',
        subject: `account:${account_id}`,
        account_id,
        address: '203.0.113.7',
        before: { tier: 'free' },
        after: { tier: 'pro' },
      },
    ],
    ...lastPage,
  },
};
