import { createHash } from 'node:crypto';
import { z } from 'zod';

export type ParsedBody<T> = { ok: true; value: T } | { ok: false; param: string | null; message: string };

/** Bodies come as raw bytes, so that each API can report broken JSON in its own way. */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): ParsedBody<T> {
  const json = z.string().transform(parseJson).safeParse(bytesOf(body).toString('utf8'));
  if (!json.success) return { ok: false, param: null, message: 'The body is not valid JSON.' };
  const parsed = schema.safeParse(json.data);
  if (parsed.success) return { ok: true, value: parsed.data };
  const [issue] = parsed.error.issues;
  const param = issue?.path.join('.') || null;
  return { ok: false, param, message: [param, issue?.message].filter(Boolean).join(' ') };
}

/** For members without which a request is refused: "model is required". */
export const required = {
  error: ({ input }: { input?: unknown }) => (input === undefined ? 'is required' : undefined),
};

export function sha256Of(body: unknown): string {
  return createHash('sha256').update(bytesOf(body)).digest('hex');
}

function bytesOf(body: unknown): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0);
}

function parseJson(text: string, context: z.RefinementCtx): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: String(error) });
    return z.NEVER;
  }
}
