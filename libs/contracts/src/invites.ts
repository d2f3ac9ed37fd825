import { z } from 'zod';
import { RegisterRequest } from './identity.js';

const role = z.enum(['user', 'account_admin']);

export const CreateInviteRequest = z.strictObject({
  email: RegisterRequest.shape.email,
  role: role.default('user'),
  /** For platform admins; without it the caller's own account. */
  account_id: z.uuid().optional(),
});
export type CreateInviteRequest = z.infer<typeof CreateInviteRequest>;

export const Invite = z.object({
  id: z.uuid(),
  object: z.literal('invite'),
  account_id: z.uuid(),
  email: z.string(),
  role,
  status: z.enum(['open', 'accepted', 'revoked', 'expired']),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime(),
});
export type Invite = z.infer<typeof Invite>;

export const InviteList = z.object({
  object: z.literal('list'),
  data: z.array(Invite),
  has_more: z.boolean(),
  last_id: z.uuid().nullable(),
});
export type InviteList = z.infer<typeof InviteList>;

/** The token is shown here and never again; whoever invites passes it on. */
export const CreatedInvite = Invite.extend({ token: z.string() });
export type CreatedInvite = z.infer<typeof CreatedInvite>;

export const AcceptInviteRequest = z.strictObject({
  token: z.string().min(20).max(200),
  password: RegisterRequest.shape.password,
});
export type AcceptInviteRequest = z.infer<typeof AcceptInviteRequest>;
