import {
  editMessage,
  followAnswer,
  regenerateAnswer,
  sendMessage,
  startChat,
  stopAnswer,
  type ChatMessageSchema,
  type InputOf,
} from '@tollgate/contracts';
import { Handle, MessageContext } from '@tollgate/messaging';
import { Controller } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { RunningAnswers } from './running-answers.service.js';
import { Turns } from './turns.service.js';

@Controller()
export class TurnsHandler {
  constructor(
    private readonly turns: Turns,
    private readonly answers: RunningAnswers,
  ) {}

  @Handle(startChat)
  start(@Payload() input: InputOf<typeof startChat>, @Ctx() context: MessageContext) {
    return this.turns.start(input, context);
  }

  @Handle(sendMessage)
  send(@Payload() input: InputOf<typeof sendMessage>, @Ctx() context: MessageContext) {
    return this.turns.send(input, context);
  }

  @Handle(editMessage)
  edit(@Payload() input: InputOf<typeof editMessage>, @Ctx() context: MessageContext) {
    return this.turns.edit(input, context);
  }

  @Handle(regenerateAnswer)
  regenerate(@Payload() input: InputOf<typeof regenerateAnswer>, @Ctx() context: MessageContext) {
    return this.turns.regenerate(input, context);
  }

  @Handle(followAnswer)
  follow(@Payload() input: InputOf<typeof followAnswer>, @Ctx() context: MessageContext) {
    return this.answers.follow(input.session_id, input.message_id, input.after, context);
  }

  @Handle(stopAnswer)
  stop(@Payload() input: InputOf<typeof stopAnswer>, @Ctx() { caller }: MessageContext): Promise<ChatMessageSchema> {
    return this.answers.stop(input.session_id, input.message_id, caller);
  }
}
