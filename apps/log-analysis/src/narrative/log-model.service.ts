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
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { AnalysisBody } from '../analysis/answer.js';

/** Without a model the findings are an answer still; a spent budget or a model that may not be used is said as it is. */
const absences: readonly ErrorCode[] = [
  'no_model_available',
  'provider_error',
  'invalid_structured_output',
  'overloaded',
  'context_length_exceeded',
];

export interface ModelQuestion<Schema extends z.ZodType> {
  messages: ChatMessage[];
  /** What the tokens are for, as it stands in the ledger. */
  task: string;
  schema: Schema;
}

/** JSON of a schema from the model that serves the caller. */
@Injectable()
export class LogModel {
  constructor(private readonly messages: Messages) {}

  /** The model that would answer now. Raises `no_model_available`. */
  choose({ model }: AnalysisBody): Promise<ModelChoice> {
    return this.messages.send(selectModel, { model: model ?? undefined });
  }

  async ask<Schema extends z.ZodType>(
    { messages, task, schema }: ModelQuestion<Schema>,
    { model, temperature, max_tokens: tokensMax }: AnalysisBody,
  ): Promise<{ value: z.output<Schema>; completion: Completion }> {
    const completion = await this.messages.send(complete, {
      task,
      messages,
      model: model ?? undefined,
      max_tokens: tokensMax ?? undefined,
      temperature,
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: jsonSchemaOf(schema) } },
    });
    return { value: schema.parse(JSON.parse(completion.content)), completion };
  }
}

/** Undefined for an error that the caller must hear of. */
export function absenceOf(error: unknown): ErrorCode | undefined {
  const { code } = AppError.fromUnknown(error);
  return absences.find((absence) => absence === code);
}

function jsonSchemaOf(schema: z.ZodType): Record<string, unknown> {
  return { ...z.toJSONSchema(schema, { io: 'input' }) };
}
