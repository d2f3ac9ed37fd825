import { AppError, Caller, WireError } from '@tollgate/contracts';
import { z } from 'zod';

/** Raised when an old replica could misread a new message; adding optional fields does not raise it. */
export const PROTOCOL_VERSION = 1;

/** No request may be longer than this as JSON; larger data belongs in storage, with a key in the message. */
export const REQUEST_CHARACTERS_MAX = 8 * 1024 * 1024;
/** No single part or result may be longer than this as JSON: 1 MiB of text, and room for its escapes. */
export const PAYLOAD_CHARACTERS_MAX = 2 * 1024 * 1024;

/** A request as it lies in a service's stream (field `m`, JSON). */
export const Envelope = z.object({
  v: z.literal(PROTOCOL_VERSION),
  id: z.string().min(1),
  contract: z.string().min(1),
  /** Key of the reply stream of the calling process. */
  replyTo: z.string().min(1),
  /** Number of the call in the calling process; frames carry it instead of the id. */
  call: z.number().int(),
  /** Epoch milliseconds; never started after it. */
  deadlineAt: z.number(),
  requestId: z.string(),
  traceparent: z.string(),
  caller: Caller.optional(),
  data: z.unknown(),
});
export type Envelope = z.infer<typeof Envelope>;

/**
 * One step of an answer: `[call, sequence, kind, payload]`. A JSON array of frames, of any calls of one process, is
 * published on its channel; an entry of its reply stream holds one or more of these arrays (fields `f`).
 *
 * `parts` carries a run of parts, `sequence` that of the first; every part and every other frame but `wait` counts one.
 * A hole is a lost frame. The sequence {@link OUT_OF_BAND} is that of whoever speaks for a dead replica.
 */
export type Frame =
  | [call: number, sequence: number, kind: 'parts', parts: unknown[]]
  | [call: number, sequence: number, kind: 'result', result: unknown]
  | [call: number, sequence: number, kind: 'end']
  | [call: number, sequence: number, kind: 'error', error: WireError]
  /** The replica has sent as much as it may and waits for an `ack` of what was read. */
  | [call: number, sequence: number, kind: 'wait'];

export const OUT_OF_BAND = -1;

const kinds = new Set<unknown>(['parts', 'result', 'end', 'error', 'wait']);

/** What a caller tells all replicas of a service, by publish/subscribe. */
export const Control = z.union([
  z.object({ cancel: z.string() }),
  /** Parts read so far by the caller of that stream. */
  z.object({ ack: z.string(), read: z.number().int() }),
]);
export type Control = z.infer<typeof Control>;

export const keys = {
  requests: (service: string) => `tollgate:{${service}}:requests`,
  /** Set before a handler starts, so that no request is ever started twice. */
  fence: (service: string, id: string) => `tollgate:{${service}}:started:${id}`,
  /** Lives as long as the replica says so. */
  heartbeat: (service: string, replica: string) => `tollgate:{${service}}:replica:${replica}`,
  control: (service: string) => `tollgate:{${service}}:control`,
  replies: (clientId: string) => `tollgate:{replies:${clientId}}`,
};

/** Where frames are published for the process with this reply stream. */
export function channelOf(replyTo: string): string {
  return `${replyTo}:frames`;
}

/** Owner of a fence that a caller has set, so that nobody starts its request any more. */
export const CANCELLED = 'cancelled';

export function encodeEnvelope(envelope: Envelope): string {
  const encoded = JSON.stringify(envelope);
  if (encoded.length <= REQUEST_CHARACTERS_MAX) return encoded;
  throw tooLarge(`A request to ${envelope.contract}`, REQUEST_CHARACTERS_MAX);
}

/** Undefined travels as null. */
export function encodePayload(payload: unknown): string {
  const encoded = JSON.stringify(payload) ?? 'null';
  if (encoded.length <= PAYLOAD_CHARACTERS_MAX) return encoded;
  throw tooLarge('A part of an answer', PAYLOAD_CHARACTERS_MAX);
}

/** Replicas write hundreds of thousands of frames a second: their form is checked by hand, their data is the contract's. */
export function decodeFrames(encoded: string): Frame[] {
  const frames: unknown = JSON.parse(encoded);
  if (!Array.isArray(frames) || !frames.every(isFrame)) throw new Error('not an array of frames');
  return frames;
}

function isFrame(value: unknown): value is Frame {
  if (!Array.isArray(value)) return false;
  const [call, sequence, kind, payload] = value as unknown[];
  if (!Number.isInteger(call) || !Number.isInteger(sequence) || !kinds.has(kind)) return false;
  if (kind === 'parts') return Array.isArray(payload);
  return kind !== 'error' || WireError.safeParse(payload).success;
}

/** Of the fields of a stream entry as Redis returns them: name, value, name, value, … */
export function valuesOf(fields: readonly string[], name: string): string[] {
  const values: string[] = [];
  fields.forEach((value, index) => {
    if (index % 2 === 1 && fields[index - 1] === name) values.push(value);
  });
  return values;
}

function tooLarge(what: string, charactersMax: number): AppError {
  return new AppError('payload_too_large', `${what} may have at most ${charactersMax} characters of JSON.`);
}
