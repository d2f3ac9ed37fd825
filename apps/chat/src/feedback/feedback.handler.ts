import { giveChatFeedback, listChatFeedback, type InputOf } from '@tollgate/contracts';
import { Handle, MessageContext } from '@tollgate/messaging';
import { Controller } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { Feedback } from './feedback.service.js';

@Controller()
export class FeedbackHandler {
  constructor(private readonly feedback: Feedback) {}

  @Handle(giveChatFeedback)
  give(@Payload() input: InputOf<typeof giveChatFeedback>, @Ctx() { caller }: MessageContext) {
    return this.feedback.give(input, caller);
  }

  @Handle(listChatFeedback)
  list(@Payload() query: InputOf<typeof listChatFeedback>, @Ctx() { caller }: MessageContext) {
    return this.feedback.list(query, caller);
  }
}
