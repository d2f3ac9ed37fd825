// What callers and replicas of a drill agree on. Plain JavaScript, like the two programs: Node runs it as it is.
import { request, stream } from '@tollgate/contracts';
import { z } from 'zod';

/**
 * @param {string} service
 * @param {'old' | 'new'} version of `greet`, which got an optional field on either side
 */
export function contractsOf(service, version = 'new') {
  const isNew = version === 'new';
  const work = {
    input: z.object({ n: z.number(), ms: z.number() }),
    output: z.object({ n: z.number(), by: z.string() }),
  };
  const count = z.object({ n: z.number(), parts: z.number(), bytes: z.number(), everyMs: z.number() });
  const part = z.object({ i: z.number(), text: z.string() });
  return {
    work: request(`${service}.work`, work),
    workAgain: request(`${service}.work-again`, { ...work, idempotent: true }),
    /** Kills its replica in its first line. */
    die: request(`${service}.die`, work),
    /** `parts` parts of `bytes` bytes each, one every `everyMs` or as fast as it goes. */
    count: stream(`${service}.count`, { input: count, part }),
    /** The same, from another service. */
    forward: stream(`${service}.forward`, { input: count.extend({ to: z.string() }), part }),
    greet: request(`${service}.greet`, {
      input: z.object({ name: z.string(), ...(isNew && { title: z.string().optional() }) }),
      output: z.object({ text: z.string(), ...(isNew && { length: z.number().optional() }) }),
    }),
  };
}
