import { z } from 'zod';
import { AppError } from './app-error.js';
import { request } from './contract.js';

/** `dry_run` was not sent; `pending` waits for its first or next attempt; the others are final. */
export const ChatDispatchState = z.enum(['dry_run', 'pending', 'delivered', 'failed']);
export type ChatDispatchState = z.infer<typeof ChatDispatchState>;

/** An object that was generated for an API, and what became of it. */
export const ChatDispatch = z.object({
  /** Also the `idempotency-key` and `webhook-id` of every attempt. */
  dispatch_id: z.uuid(),
  state: ChatDispatchState,
  schema: z.object({ name: z.string(), version: z.number().int() }),
  session_id: z.uuid().nullable(),
  /** Where it is posted. */
  url: z.string(),
  data: z.unknown(),
  attempts: z.number().int(),
  /** What the API answered to the last attempt. */
  last_status: z.number().int().nullable(),
  /** Why the last attempt failed, or why a dry run would not be sent. */
  last_error: z.string().nullable(),
  created_at: z.iso.datetime(),
  finished_at: z.iso.datetime().nullable(),
});
export type ChatDispatch = z.infer<typeof ChatDispatch>;

export const ChatDispatchPage = z.object({
  data: z.array(ChatDispatch),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
});
export type ChatDispatchPage = z.infer<typeof ChatDispatchPage>;

/** One answer for what does not exist and for what belongs to others. */
export function dispatchNotFound(): AppError {
  return new AppError('not_found', 'There is no such dispatch.');
}

const address = z.object({ dispatch_id: z.uuid() });

export const getDispatch = request('chat.get-dispatch', { input: address, output: ChatDispatch, idempotent: true });

/** The newest first. */
export const listDispatches = request('chat.list-dispatches', {
  input: z.object({
    limit: z.number().int().min(1).max(200),
    cursor: z.string().max(256).optional(),
    state: ChatDispatchState.optional(),
  }),
  output: ChatDispatchPage,
  idempotent: true,
});

/** Sends a dry run, or again what failed; what is on its way or has arrived stays as it is. Raises `invalid_request` where it may not be sent. */
export const sendDispatch = request('chat.send-dispatch', { input: address, output: ChatDispatch, idempotent: true });

export const chatDispatchContracts = [getDispatch, listDispatches, sendDispatch];
