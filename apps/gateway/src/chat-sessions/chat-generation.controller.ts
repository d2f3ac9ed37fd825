import {
  ChatFeedbackPage,
  ChatFeedbackRequest,
  ChatFeedbackSchema,
  ChatGraph,
  ChatSchemaList,
  createChatSchema,
  CreateChatSchemaRequest,
  deleteChatSchema,
  generateJson,
  GenerateJsonRequest,
  GenerateJsonResponse,
  getChatSchema,
  giveChatFeedback,
  listChatFeedback,
  listChatSchemas,
  RegisteredChatSchema,
  setChatGraph,
} from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Answers, bodyErrors, llmErrors, serverErrors, tokenErrors } from '../http/openapi.js';
import { CostsNothing } from '../limits/route-kind.js';
import { ExistingId, ExistingSchemaId } from './existing-id.pipe.js';
import { FeedbackQuery } from './queries.js';

const readErrors = [...tokenErrors, 'not_found', ...serverErrors] as const;
const writeErrors = [...tokenErrors, ...bodyErrors, 'not_found', ...serverErrors] as const;

/** JSON for other APIs, and what users think of answers. */
@ApiTags('chat sessions')
@ApiBearerAuth()
@Controller('api/v1/chat')
export class ChatGenerationController {
  constructor(private readonly messages: Messages) {}

  @Post('generate')
  @HttpCode(200)
  @ApiOperation({ summary: 'JSON that matches a schema, from a prompt or a chat session; sent to its API if wished' })
  @Answers({ json: 'GenerateJsonResponse', errors: [...llmErrors, 'not_found', 'invalid_structured_output'] })
  generate(@Body({ schema: GenerateJsonRequest }) body: GenerateJsonRequest): Promise<GenerateJsonResponse> {
    return this.messages.send(generateJson, body);
  }

  @CostsNothing()
  @Post('schemas')
  @ApiOperation({ summary: 'Register a JSON schema; the same name again is its next version' })
  @Answers({ status: 201, json: 'RegisteredChatSchema', errors: [...writeErrors] })
  createSchema(
    @Body({ schema: CreateChatSchemaRequest }) body: CreateChatSchemaRequest,
  ): Promise<RegisteredChatSchema> {
    return this.messages.send(createChatSchema, body);
  }

  @Get('schemas')
  @ApiOperation({ summary: 'The registered schemas of my account, the newest version of each' })
  @Answers({ json: 'ChatSchemaList', errors: [...readErrors] })
  listSchemas(): Promise<ChatSchemaList> {
    return this.messages.send(listChatSchemas, {});
  }

  @Get('schemas/:schema_id')
  @ApiOperation({ summary: 'One version of a registered schema' })
  @Answers({ json: 'RegisteredChatSchema', errors: [...readErrors] })
  getSchema(@Param('schema_id', ExistingSchemaId) schema_id: string): Promise<RegisteredChatSchema> {
    return this.messages.send(getChatSchema, { schema_id });
  }

  @Delete('schemas/:schema_id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete one version of a registered schema' })
  @Answers({ status: 204, errors: [...readErrors, 'forbidden'] })
  async deleteSchema(@Param('schema_id', ExistingSchemaId) schema_id: string): Promise<void> {
    await this.messages.send(deleteChatSchema, { schema_id });
  }

  @Put('sessions/:session_id/graph')
  @ApiOperation({ summary: 'The models, data sources, pipelines, blocks and edges that a chat session is about' })
  @Answers({ json: 'ChatGraph', errors: [...writeErrors] })
  async setGraph(
    @Param('session_id', ExistingId) session_id: string,
    @Body({ schema: ChatGraph }) graph: ChatGraph,
  ): Promise<ChatGraph> {
    await this.messages.send(setChatGraph, { session_id, graph });
    return graph;
  }

  @Put('sessions/:session_id/messages/:message_id/feedback')
  @ApiOperation({ summary: 'Say what I think of an answer: up, down, and what it should have been' })
  @Answers({ json: 'ChatFeedbackSchema', errors: [...writeErrors] })
  giveFeedback(
    @Param('session_id', ExistingId) session_id: string,
    @Param('message_id', ExistingId) message_id: string,
    @Body({ schema: ChatFeedbackRequest }) feedback: ChatFeedbackRequest,
  ): Promise<ChatFeedbackSchema> {
    return this.messages.send(giveChatFeedback, { session_id, message_id, feedback });
  }

  @Get('feedback')
  @ApiOperation({ summary: 'What I thought of answers, the latest first' })
  @Answers({ json: 'ChatFeedbackPage', errors: [...readErrors, 'invalid_request'] })
  listFeedback(@Query({ schema: FeedbackQuery }) query: FeedbackQuery): Promise<ChatFeedbackPage> {
    return this.messages.send(listChatFeedback, query);
  }
}
