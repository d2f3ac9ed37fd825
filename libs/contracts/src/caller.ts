import { z } from 'zod';

/** Who a request is for. Comes from the access token at the gateway and travels with every message after it. */
export const Caller = z.object({
  account_id: z.uuid(),
  user_id: z.uuid(),
  tier: z.string().min(1),
  role: z.enum(['user', 'account_admin', 'admin']),
});
export type Caller = z.infer<typeof Caller>;
