import {
  AppError,
  complete,
  selectModel,
  type ChatMessage,
  type Completion,
  type ErrorCode,
  type ModelChoice,
} from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { currentRequest } from '@tollgate/observability';
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { Question } from '../analysis/answer.js';
import { RouterPresence } from './router-presence.service.js';

/** Without a model the findings are an answer still; a spent budget or a model that may not be used is said as it is. */
const absences: readonly ErrorCode[] = [
  'no_model_available',
  'provider_error',
  'invalid_structured_output',
  'overloaded',
  'context_length_exceeded',
  'deadline_exceeded',
  'replica_lost',
  'reply_lost',
  'unavailable',
  'shutting_down',
];

export const NARRATIVE_TIMEOUT_MS = Symbol('how long a model may take to tell');
/** Of the request, for the answer without a model. */
const RESERVE_MS = 2_000;
/** A router that is there says at once which model it would ask. */
const CHOICE_TIMEOUT_MS = 15_000;

export interface ModelQuestion<Schema extends z.ZodType> {
  messages: ChatMessage[];
  /** What the tokens are for, as it stands in the ledger. */
  task: string;
  schema: Schema;
}

/** JSON of a schema from the model that serves the caller. */
@Injectable()
export class LogModel {
  constructor(
    private readonly messages: Messages,
    private readonly router: RouterPresence,
    @Inject(NARRATIVE_TIMEOUT_MS) private readonly timeoutMs: number,
  ) {}

  /** The model that would answer now. Raises `no_model_available`. */
  choose({ model }: Pick<Question, 'model'>): Promise<ModelChoice> {
    const timeoutMs = boundOf(CHOICE_TIMEOUT_MS);
    return this.router.whileThere((signal) =>
      this.messages.send(selectModel, { model: model ?? undefined }, { timeoutMs, signal }),
    );
  }

  /** Raises whatever forbids a model for good; one that cannot be reached now may be there later. */
  async check(question: Pick<Question, 'model'>): Promise<void> {
    await this.choose(question).catch((error: unknown) => {
      if (!absenceOf(error)) throw error;
    });
  }

  async ask<Schema extends z.ZodType>(
    { messages, task, schema }: ModelQuestion<Schema>,
    { model, temperature, max_tokens: tokensMax }: Question,
  ): Promise<{ value: z.output<Schema>; completion: Completion }> {
    const request = {
      task,
      messages,
      model: model ?? undefined,
      max_tokens: tokensMax ?? undefined,
      temperature,
      response_format: { type: 'json_schema' as const, json_schema: { name: 'answer', schema: jsonSchemaOf(schema) } },
    };
    const timeoutMs = boundOf(this.timeoutMs);
    const completion = await this.router.whileThere((signal) =>
      this.messages.send(complete, request, { timeoutMs, signal }),
    );
    return { value: schema.parse(JSON.parse(completion.content)), completion };
  }
}

/** Undefined for an error that the caller must hear of. */
export function absenceOf(error: unknown): ErrorCode | undefined {
  const { code, param } = AppError.fromUnknown(error);
  // The schema is ours: when it is refused, as by a router too busy to check it, the caller has no fault.
  if (code === 'invalid_request' && param?.startsWith('response_format')) return code;
  return absences.find((absence) => absence === code);
}

function boundOf(timeoutMs: number): number {
  const deadlineAt = currentRequest()?.deadlineAt ?? Infinity;
  return Math.max(0, Math.min(timeoutMs, deadlineAt - Date.now() - RESERVE_MS));
}

function jsonSchemaOf(schema: z.ZodType): Record<string, unknown> {
  return { ...z.toJSONSchema(schema, { io: 'input' }) };
}
