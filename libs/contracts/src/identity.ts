import { z } from 'zod';

const email = z
  .string()
  .trim()
  .toLowerCase()
  .max(254)
  .pipe(z.email('must be an email address'))
  .meta({ example: 'ada@example.com' });

export const RegisterRequest = z.strictObject({
  email,
  password: z
    .string()
    .min(10, 'must have at least 10 characters')
    .max(256, 'must have at most 256 characters')
    .meta({ example: 'correct horse battery' }),
});
export type RegisterRequest = z.infer<typeof RegisterRequest>;

export const LoginRequest = z.strictObject({
  email,
  password: z.string().min(1, 'must not be empty').max(256).meta({ example: 'correct horse battery' }),
});
export type LoginRequest = z.infer<typeof LoginRequest>;

/** Browsers send the refresh token as an HttpOnly cookie instead of in the body. */
export const RefreshRequest = z.strictObject({ refresh_token: z.string().min(1).max(512).optional() });
export type RefreshRequest = z.infer<typeof RefreshRequest>;

export const TokenResponse = z.object({
  access_token: z.string(),
  token_type: z.literal('Bearer'),
  /** Lifetime of the access token, in seconds. */
  expires_in: z.number().int(),
  refresh_token: z.string(),
  refresh_expires_in: z.number().int(),
});
export type TokenResponse = z.infer<typeof TokenResponse>;

const Allowance = z.object({
  used: z.number().int(),
  limit: z.number().int(),
  resets_at: z.iso.datetime(),
});

export const MeResponse = z.object({
  id: z.uuid(),
  account_id: z.uuid(),
  email: z.string(),
  role: z.enum(['user', 'account_admin', 'admin']),
  tier: z.string(),
  created_at: z.iso.datetime(),
  usage: z.object({
    tokens_this_month: Allowance.extend({ input: z.number().int(), output: z.number().int() }),
    calls_today: Allowance,
  }),
});
export type MeResponse = z.infer<typeof MeResponse>;

/** Body of GET /.well-known/jwks.json (RFC 7517): what access tokens are verified with. */
export const JsonWebKeySet = z.object({
  keys: z.array(
    z.object({
      kty: z.literal('EC'),
      crv: z.literal('P-256'),
      x: z.string(),
      y: z.string(),
      kid: z.string(),
      alg: z.literal('ES256'),
      use: z.literal('sig'),
    }),
  ),
});
export type JsonWebKeySet = z.infer<typeof JsonWebKeySet>;
