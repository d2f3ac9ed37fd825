import {
  createChatSchema,
  deleteChatSchema,
  generateJson,
  getChatSchema,
  listChatSchemas,
  setChatGraph,
  type InputOf,
} from '@tollgate/contracts';
import { Handle, MessageContext } from '@tollgate/messaging';
import { Controller } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { Sessions } from '../sessions/sessions.service.js';
import { ChatSchemas } from './chat-schemas.service.js';
import { JsonGeneration } from './json-generation.service.js';

@Controller()
export class GenerationHandler {
  constructor(
    private readonly schemas: ChatSchemas,
    private readonly generation: JsonGeneration,
    private readonly sessions: Sessions,
  ) {}

  @Handle(createChatSchema)
  createSchema(@Payload() body: InputOf<typeof createChatSchema>, @Ctx() { caller }: MessageContext) {
    return this.schemas.create(body, caller);
  }

  @Handle(listChatSchemas)
  listSchemas(@Ctx() { caller }: MessageContext) {
    return this.schemas.list(caller);
  }

  @Handle(getChatSchema)
  getSchema(@Payload() { schema_id }: InputOf<typeof getChatSchema>, @Ctx() { caller }: MessageContext) {
    return this.schemas.get(schema_id, caller);
  }

  @Handle(deleteChatSchema)
  deleteSchema(@Payload() { schema_id }: InputOf<typeof deleteChatSchema>, @Ctx() { caller }: MessageContext) {
    return this.schemas.delete(schema_id, caller);
  }

  @Handle(generateJson)
  generate(@Payload() body: InputOf<typeof generateJson>, @Ctx() { caller, requestId }: MessageContext) {
    return this.generation.generate(body, caller, requestId);
  }

  @Handle(setChatGraph)
  setGraph(@Payload() { session_id, graph }: InputOf<typeof setChatGraph>, @Ctx() { caller }: MessageContext) {
    return this.sessions.setGraph(session_id, graph, caller);
  }
}
