import { z } from 'zod';
import { Caller } from './caller.js';
import { RegisterRequest } from './identity.js';
import { CreatedInvite } from './invites.js';

export const AdminUser = z.object({
  id: z.uuid(),
  object: z.literal('user'),
  account_id: z.uuid(),
  email: z.string(),
  role: Caller.shape.role,
  disabled: z.boolean(),
  created_at: z.iso.datetime(),
});
export type AdminUser = z.infer<typeof AdminUser>;

export const AdminAccount = z.object({
  id: z.uuid(),
  object: z.literal('account'),
  /** Whom its invoices are addressed to. */
  name: z.string().nullable(),
  tier: z.string(),
  /** A change that waits for the end of the account's month. */
  planned_change: z.object({ tier: z.string(), effective_at: z.iso.datetime() }).nullable(),
  suspended: z.boolean(),
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

const tier = z.string().min(1).max(64).meta({ example: 'pro' });
const accountName = z.string().trim().min(1, 'must not be empty').max(200).meta({ example: 'Ada & Sons Ltd' });
const atLeastOne = (change: object) => Object.values(change).some((value) => value !== undefined);
const somethingToChange = { message: 'must name something to change' };

/**
 * Takes effect on every replica within a second, for tokens that were issued before too; with `when` = `period_end` the plan changes
 * when the account's month ends. Nobody of a suspended account gets in.
 */
export const ChangeAccountRequest = z
  .strictObject({
    tier: tier.optional(),
    when: z.enum(['now', 'period_end']).default('now'),
    name: accountName.optional(),
    suspended: z.boolean().optional(),
  })
  .refine(({ tier: plan, name, suspended }) => atLeastOne({ plan, name, suspended }), somethingToChange);
export type ChangeAccountRequest = z.infer<typeof ChangeAccountRequest>;

/** The account, and an invitation for whoever is to run it. */
export const CreateAccountRequest = z.strictObject({
  name: accountName,
  tier: tier.default('free'),
  admin_email: RegisterRequest.shape.email,
});
export type CreateAccountRequest = z.infer<typeof CreateAccountRequest>;

export const CreatedAccount = z.object({ account: AdminAccount, invite: CreatedInvite });
export type CreatedAccount = z.infer<typeof CreatedAccount>;

/** A disabled user gets in no more, with whatever token or key, within a second. */
export const ChangeUserRequest = z
  .strictObject({ role: Caller.shape.role.optional(), disabled: z.boolean().optional() })
  .refine(atLeastOne, somethingToChange);
export type ChangeUserRequest = z.infer<typeof ChangeUserRequest>;

export const CreateUserRequest = RegisterRequest.extend({
  /** For platform admins; without it the caller's own account. */
  account_id: z.uuid().optional(),
  role: Caller.shape.role.default('user'),
});
export type CreateUserRequest = z.infer<typeof CreateUserRequest>;

export const UserList = z.object({
  object: z.literal('list'),
  data: z.array(AdminUser),
  has_more: z.boolean(),
  last_id: z.uuid().nullable(),
});
export type UserList = z.infer<typeof UserList>;

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
