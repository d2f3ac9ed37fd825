import { AppError, Caller, WireError } from '@tollgate/contracts';
import { z } from 'zod';

/** Raised when an old replica could misread a new message; adding optional fields does not raise it. */
export const PROTOCOL_VERSION = 1;

/** No request may be larger than this once serialised; larger data belongs in storage, with a key in the message. */
export const REQUEST_BYTES_MAX = 8 * 1024 * 1024;
/** No single reply or stream part may be larger than this once serialised. */
export const FRAME_BYTES_MAX = 2 * 1024 * 1024;

/** A request as it lies in a service's stream (field `m`, JSON). */
export const Envelope = z.object({
  v: z.literal(PROTOCOL_VERSION),
  id: z.string().min(1),
  contract: z.string().min(1),
  /** Key of the reply stream of the calling process. */
  replyTo: z.string().min(1),
  /** Epoch milliseconds; never started after it. */
  deadlineAt: z.number(),
  requestId: z.string(),
  traceparent: z.string(),
  caller: Caller.optional(),
  data: z.unknown(),
});
export type Envelope = z.infer<typeof Envelope>;

/**
 * One step of an answer. Entries of a reply stream hold a JSON array of frames (field `f`), of any requests of that
 * process. `sequence` counts from 0 in each request; a hole is a lost frame.
 */
const FrameSchema = z.union([
  z.tuple([z.string(), z.number().int(), z.enum(['part', 'result', 'end']), z.unknown()]),
  z.tuple([z.string(), z.number().int(), z.literal('error'), WireError]),
]);
export type Frame = z.infer<typeof FrameSchema>;
const Frames = z.array(FrameSchema);

/** What a caller tells all replicas of a service, by publish/subscribe. */
export const Control = z.object({ cancel: z.string() });
export type Control = z.infer<typeof Control>;

export const keys = {
  requests: (service: string) => `tollgate:{${service}}:requests`,
  /** Set before a handler starts, so that no request is ever started twice. */
  fence: (service: string, id: string) => `tollgate:{${service}}:started:${id}`,
  control: (service: string) => `tollgate:{${service}}:control`,
  replies: (clientId: string) => `tollgate:{replies:${clientId}}`,
};

export function encodeEnvelope(envelope: Envelope): string {
  const encoded = JSON.stringify(envelope);
  if (encoded.length > REQUEST_BYTES_MAX) {
    throw new AppError(
      'payload_too_large',
      `A request to ${envelope.contract} may have at most ${REQUEST_BYTES_MAX} bytes.`,
    );
  }
  return encoded;
}

export function encodeFrame([id, sequence, kind, payload]: Frame): string {
  // An undefined payload would become null inside an array, which is what the reader expects for "nothing".
  const encoded = JSON.stringify([id, sequence, kind, payload]);
  if (encoded.length <= FRAME_BYTES_MAX) return encoded;
  const error = new AppError('payload_too_large', `A part of an answer may have at most ${FRAME_BYTES_MAX} bytes.`);
  return JSON.stringify([id, sequence, 'error', error.toWire()]);
}

export function decodeFrames(encoded: string): Frame[] {
  return Frames.parse(JSON.parse(encoded));
}

/** The fields of a stream entry as ioredis returns them: [name, value, name, value, …]. */
export function fieldOf(fields: readonly string[], name: string): string | undefined {
  const at = fields.indexOf(name);
  return at % 2 === 0 ? fields[at + 1] : undefined;
}
