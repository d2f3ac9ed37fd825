import {
  ChatHistoryResponse,
  ChatMessagePage,
  ChatMessageSchema,
  ChatSearchPage,
  ChatSessionPage,
  ChatSessionSchema,
  ChatSessionsResponse,
  ChatTurnEvent,
  DeleteChatResponse,
  ForkChatRequest,
  RegenerateChatRequest,
  SendChatMessageRequest,
  SendChatMessageResponse,
  StartChatRequest,
  StartChatResponse,
  UpdateChatMessageRequest,
  UpdateChatSessionRequest,
} from '@tollgate/contracts';
import { z } from 'zod';

/** What the OpenAPI document names of the chat routes. */
export const chatRequests = {
  ForkChatRequest,
  RegenerateChatRequest,
  SendChatMessageRequest,
  StartChatRequest,
  UpdateChatMessageRequest,
  UpdateChatSessionRequest,
};

export const chatAnswers = {
  ChatExport: z.object({ session: ChatSessionSchema, messages: ChatHistoryResponse }),
  ChatHistoryResponse,
  ChatMessagePage,
  ChatMessageSchema,
  ChatSearchPage,
  ChatSessionPage,
  ChatSessionSchema,
  ChatSessionsResponse,
  ChatTurnEvent,
  DeleteChatResponse,
  SendChatMessageResponse,
  StartChatResponse,
};
