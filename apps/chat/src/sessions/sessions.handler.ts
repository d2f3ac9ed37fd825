import {
  deleteSession,
  forkSession,
  getSession,
  listMessages,
  listSessions,
  searchMessages,
  updateMessage,
  updateSession,
  type InputOf,
} from '@tollgate/contracts';
import { Handle, MessageContext } from '@tollgate/messaging';
import { Controller } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { SessionMessages } from './session-messages.service.js';
import { Sessions } from './sessions.service.js';

@Controller()
export class SessionsHandler {
  constructor(
    private readonly sessions: Sessions,
    private readonly messages: SessionMessages,
  ) {}

  @Handle(getSession)
  get(@Payload() { session_id }: InputOf<typeof getSession>, @Ctx() { caller }: MessageContext) {
    return this.sessions.get(session_id, caller);
  }

  @Handle(listSessions)
  list(@Payload() query: InputOf<typeof listSessions>, @Ctx() { caller }: MessageContext) {
    return this.sessions.list(query, caller);
  }

  @Handle(updateSession)
  update(@Payload() { session_id, changes }: InputOf<typeof updateSession>, @Ctx() { caller }: MessageContext) {
    return this.sessions.update(session_id, changes, caller);
  }

  @Handle(forkSession)
  fork(@Payload() input: InputOf<typeof forkSession>, @Ctx() { caller }: MessageContext) {
    return this.sessions.fork(input.session_id, input.message_id, input.title, caller);
  }

  @Handle(deleteSession)
  delete(@Payload() { session_id }: InputOf<typeof deleteSession>, @Ctx() { caller }: MessageContext) {
    return this.sessions.delete(session_id, caller);
  }

  @Handle(listMessages)
  listMessages(@Payload() query: InputOf<typeof listMessages>, @Ctx() { caller }: MessageContext) {
    return this.messages.list(query, caller);
  }

  @Handle(updateMessage)
  updateMessage(@Payload() input: InputOf<typeof updateMessage>, @Ctx() { caller }: MessageContext) {
    return this.messages.update(input.session_id, input.message_id, input.changes, caller);
  }

  @Handle(searchMessages)
  search(@Payload() query: InputOf<typeof searchMessages>, @Ctx() { caller }: MessageContext) {
    return this.messages.search(query, caller);
  }
}
