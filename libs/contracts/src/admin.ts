import { z } from 'zod';
import { Caller } from './caller.js';

export const AdminUser = z.object({
  id: z.uuid(),
  object: z.literal('user'),
  email: z.string(),
  role: Caller.shape.role,
  created_at: z.iso.datetime(),
});
export type AdminUser = z.infer<typeof AdminUser>;

export const AdminAccount = z.object({
  id: z.uuid(),
  object: z.literal('account'),
  tier: z.string(),
  created_at: z.iso.datetime(),
  users: z.array(AdminUser),
});
export type AdminAccount = z.infer<typeof AdminAccount>;

export const AdminAccountList = z.object({
  object: z.literal('list'),
  data: z.array(AdminAccount),
  has_more: z.boolean(),
  /** For `after` of the next request. */
  last_id: z.uuid().nullable(),
});
export type AdminAccountList = z.infer<typeof AdminAccountList>;

/** Takes effect on every replica within a second, for tokens that were issued before too. */
export const ChangeAccountRequest = z.strictObject({ tier: z.string().min(1).max(64).meta({ example: 'pro' }) });
export type ChangeAccountRequest = z.infer<typeof ChangeAccountRequest>;

export const ChangeUserRequest = z.strictObject({ role: Caller.shape.role });
export type ChangeUserRequest = z.infer<typeof ChangeUserRequest>;

/** Gives back part of what an attempt was charged. The same `correction_id` again changes nothing. */
export const RefundRequest = z.strictObject({
  correction_id: z.uuid(),
  call_id: z.uuid(),
  attempt_number: z.number().int().min(1).max(100).default(1),
  /** Text, for it may be large. */
  micro_usd: z
    .string()
    .regex(/^\d{1,18}$/, 'must be a whole number of micro-USD, as text')
    .meta({ example: '1500' }),
  reason: z.string().trim().min(1, 'must not be empty').max(500).meta({ example: 'The answer was cut off.' }),
});
export type RefundRequest = z.infer<typeof RefundRequest>;

export const AuditEntryList = z.object({
  object: z.literal('list'),
  data: z.array(
    z.object({
      id: z.uuid(),
      object: z.literal('audit_entry'),
      at: z.iso.datetime(),
      actor_user_id: z.uuid().nullable(),
      /** Of the client who asked; null for what the service did by itself. */
      address: z.string().nullable(),
      request_id: z.uuid(),
      action: z.string().meta({ example: 'account.change_tier' }),
      subject: z.string(),
      account_id: z.uuid().nullable(),
      before: z.unknown(),
      after: z.unknown(),
    }),
  ),
  has_more: z.boolean(),
  last_id: z.uuid().nullable(),
});
export type AuditEntryList = z.infer<typeof AuditEntryList>;
