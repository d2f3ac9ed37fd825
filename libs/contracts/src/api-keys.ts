import { z } from 'zod';

/** `inference`: everything that asks a model. `usage`: reading what was used. `admin`: the admin API, for an admin's key. */
export const ApiKeyScope = z.enum(['inference', 'usage', 'admin']);
export type ApiKeyScope = z.infer<typeof ApiKeyScope>;

export const CreateApiKeyRequest = z.strictObject({
  name: z.string().trim().min(1, 'must not be empty').max(100).meta({ example: 'billing service' }),
  scopes: z.array(ApiKeyScope).min(1, 'must name at least one scope').default(['inference', 'usage']),
  /** Without it the key is valid until it is revoked. */
  expires_at: z.iso.datetime({ offset: true }).nullish().meta({ example: '2030-01-01T00:00:00Z' }),
});
export type CreateApiKeyRequest = z.infer<typeof CreateApiKeyRequest>;

export const ApiKey = z.object({
  id: z.uuid(),
  object: z.literal('api_key'),
  name: z.string(),
  /** Its first characters. */
  start: z.string().meta({ example: 'tg_live_4fPw' }),
  scopes: z.array(ApiKeyScope),
  user_id: z.uuid(),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime().nullable(),
  /** Within about ten seconds. */
  last_used_at: z.iso.datetime().nullable(),
});
export type ApiKey = z.infer<typeof ApiKey>;

/** The only answer that has the key itself. */
export const CreatedApiKey = ApiKey.extend({ key: z.string() });
export type CreatedApiKey = z.infer<typeof CreatedApiKey>;

export const ApiKeyList = z.object({ object: z.literal('list'), data: z.array(ApiKey) });
export type ApiKeyList = z.infer<typeof ApiKeyList>;
