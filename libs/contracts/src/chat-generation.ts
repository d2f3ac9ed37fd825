import { z } from 'zod';
import { AppError } from './app-error.js';
import { ChatDispatch } from './chat-dispatch.js';
import { ChatGraph } from './chat-graph.js';
import { request } from './contract.js';
import { Usage } from './llm-router.js';

const JsonSchema = z.record(z.string(), z.unknown());
const schemaName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, 'must be a name of letters, digits, _ and -')
  .meta({ example: 'EdgeAPIRequest' });

/** POST /api/v1/chat/schemas. The same name again is its next version. */
export const CreateChatSchemaRequest = z.strictObject({
  name: schemaName,
  description: z.string().max(2_000).default('').meta({ example: 'An edge between two blocks' }),
  /** Where objects of it belong: an http(s) URL, to which they can be posted, or a note for whoever sends them. */
  target: z.string().max(500).nullish().meta({ example: 'https://api.example.com/edges' }),
  schema: JsonSchema.meta({
    example: {
      type: 'object',
      properties: {
        source_block_id: { type: 'string' },
        target_block_id: { type: 'string' },
        edge_type: { type: 'string', enum: ['data', 'control'] },
      },
      required: ['source_block_id', 'target_block_id', 'edge_type'],
      additionalProperties: false,
    },
  }),
});
export type CreateChatSchemaRequest = z.infer<typeof CreateChatSchemaRequest>;

export const RegisteredChatSchema = z.object({
  schema_id: z.uuid(),
  name: z.string(),
  version: z.number().int(),
  description: z.string(),
  target: z.string().nullable(),
  schema: JsonSchema,
  /** There for every account, and for nobody to change. */
  built_in: z.boolean(),
  /** Signs what is posted to the target (Standard Webhooks). Only in the answer that registers the schema. */
  signing_secret: z.string().optional(),
  created_at: z.iso.datetime(),
});
export type RegisteredChatSchema = z.infer<typeof RegisteredChatSchema>;

export const ChatSchemaList = z.object({ data: z.array(RegisteredChatSchema) });
export type ChatSchemaList = z.infer<typeof ChatSchemaList>;

/** POST /api/v1/chat/generate. */
export const GenerateJsonRequest = z
  .strictObject({
    /** The name of a registered schema, or its id for one version of it, or a schema itself. */
    schema: z.union([z.string().min(1).max(64), JsonSchema]).meta({ example: 'EdgeAPIRequest' }),
    prompt: z.string().min(1).max(100_000).nullish().meta({ example: 'Join the reader to the tokenizer' }),
    /** Whose conversation and graph the object is to be made from. */
    session_id: z.uuid().nullish(),
    /** In place of the session's graph. */
    graph: ChatGraph.nullish(),
    model: z.string().min(1).max(128).nullish().meta({ example: 'gemma3:4b' }),
    max_tokens: z.number().int().positive().nullish().meta({ example: 512 }),
    /** Posts the object to the URL that the schema is registered for; as a dry run it is only kept, to be looked at and sent later. */
    dispatch: z
      .strictObject({ dry_run: z.boolean().default(true) })
      .nullish()
      .meta({ example: { dry_run: true } }),
  })
  .refine(({ prompt, session_id: session }) => prompt || session, {
    path: ['prompt'],
    message: 'is required without a session_id',
  });
export type GenerateJsonRequest = z.infer<typeof GenerateJsonRequest>;

export const GenerateJsonResponse = z.object({
  data: z.unknown(),
  /** Of the conversation that it was made from. */
  session_id: z.uuid().nullable(),
  schema: z.object({ name: z.string(), version: z.number().int(), target: z.string().nullable() }).nullable(),
  model: z.string(),
  /** Over all attempts. */
  usage: Usage,
  attempts: z.number().int(),
  dispatch: ChatDispatch.nullable(),
});
export type GenerateJsonResponse = z.infer<typeof GenerateJsonResponse>;

/** PUT …/messages/{message_id}/feedback. */
export const ChatFeedbackRequest = z.strictObject({
  rating: z.enum(['up', 'down']),
  /** What the answer should have been. */
  correction: z.string().max(100_000).nullish().meta({ example: 'The tokenizer comes before the encoder.' }),
  comment: z.string().max(10_000).nullish().meta({ example: 'Wrong order' }),
});
export type ChatFeedbackRequest = z.infer<typeof ChatFeedbackRequest>;

export const ChatFeedbackSchema = ChatFeedbackRequest.extend({
  session_id: z.uuid(),
  message_id: z.uuid(),
  correction: z.string().nullable(),
  comment: z.string().nullable(),
  updated_at: z.iso.datetime(),
});
export type ChatFeedbackSchema = z.infer<typeof ChatFeedbackSchema>;

export const ChatFeedbackPage = z.object({
  data: z.array(ChatFeedbackSchema),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
});
export type ChatFeedbackPage = z.infer<typeof ChatFeedbackPage>;

/** One answer for what does not exist and for what belongs to others. */
export function schemaNotFound(): AppError {
  return new AppError('not_found', 'There is no such schema.');
}

const schemaAddress = z.object({ schema_id: z.uuid() });
const messageAddress = z.object({ session_id: z.uuid(), message_id: z.uuid() });

export const createChatSchema = request('chat.create-schema', {
  input: CreateChatSchemaRequest,
  output: RegisteredChatSchema,
});

/** The newest version of each. */
export const listChatSchemas = request('chat.list-schemas', {
  input: z.object({}),
  output: ChatSchemaList,
  idempotent: true,
});

export const getChatSchema = request('chat.get-schema', {
  input: schemaAddress,
  output: RegisteredChatSchema,
  idempotent: true,
});

export const deleteChatSchema = request('chat.delete-schema', { input: schemaAddress, output: schemaAddress });

/**
 * An object that matches the schema and whose references to the graph hold, or `invalid_structured_output`. The model is told what
 * is wrong; every attempt is billed.
 */
export const generateJson = request('chat.generate-json', { input: GenerateJsonRequest, output: GenerateJsonResponse });

/** The graph that a session is about; null takes it away. */
export const setChatGraph = request('chat.set-graph', {
  input: z.object({ session_id: z.uuid(), graph: ChatGraph.nullable() }),
  output: z.object({ session_id: z.uuid(), graph: ChatGraph.nullable() }),
});

/** In place of what was said of the answer before. */
export const giveChatFeedback = request('chat.give-feedback', {
  input: messageAddress.extend({ feedback: ChatFeedbackRequest }),
  output: ChatFeedbackSchema,
});

/** The latest first. */
export const listChatFeedback = request('chat.list-feedback', {
  input: z.object({
    limit: z.number().int().min(1).max(200),
    cursor: z.string().max(256).optional(),
    rating: z.enum(['up', 'down']).optional(),
    session_id: z.uuid().optional(),
  }),
  output: ChatFeedbackPage,
  idempotent: true,
});

export const chatGenerationContracts = [
  createChatSchema,
  listChatSchemas,
  getChatSchema,
  deleteChatSchema,
  generateJson,
  setChatGraph,
  giveChatFeedback,
  listChatFeedback,
];
