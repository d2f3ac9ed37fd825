import { CHAT_PAGE_MAX, ChatDispatchState } from '@tollgate/contracts';
import { z } from 'zod';

/** Ids count characters. */
const EVENT_ID_MAX = 2 ** 31 - 1;

/** Query strings of the chat routes. */
const page = {
  limit: z.coerce.number().int().min(1).max(CHAT_PAGE_MAX).default(50).meta({ example: 50 }),
  cursor: z.string().max(256).optional(),
};

export const SessionsQuery = z.object({
  ...page,
  /** Part of the title, in any case. */
  title: z.string().max(200).optional().meta({ example: 'pipeline' }),
  active_since: z.iso.datetime({ offset: true }).optional().meta({ example: '2026-11-01T00:00:00Z' }),
});
export type SessionsQuery = z.infer<typeof SessionsQuery>;

export const MessagesQuery = z.object({
  ...page,
  /** `asc` from the first message on, `desc` from the last one back. */
  order: z.enum(['asc', 'desc']).default('asc'),
  include_superseded: z.stringbool().default(false),
});
export type MessagesQuery = z.infer<typeof MessagesQuery>;

export const FeedbackQuery = z.object({
  ...page,
  rating: z.enum(['up', 'down']).optional(),
  session_id: z.uuid().optional(),
});
export type FeedbackQuery = z.infer<typeof FeedbackQuery>;

export const DispatchesQuery = z.object({ ...page, state: ChatDispatchState.optional() });
export type DispatchesQuery = z.infer<typeof DispatchesQuery>;

export const SearchQuery = z.object({
  ...page,
  /** Words, "phrases", or, -without. */
  q: z.string().trim().min(1, 'must not be empty').max(500).meta({ example: 'tokenizer -draft' }),
});
export type SearchQuery = z.infer<typeof SearchQuery>;

/** Without a format what the header `Accept` asks for. */
export const ExportQuery = z.object({ format: z.enum(['json', 'markdown']).optional() });
export type ExportQuery = z.infer<typeof ExportQuery>;

/** The id of the last event that arrived; also as the header Last-Event-ID, which wins. */
export const ResumeQuery = z.object({
  after: z.coerce.number().int().min(0).max(EVENT_ID_MAX).optional().meta({ example: 120 }),
});
export type ResumeQuery = z.infer<typeof ResumeQuery>;
