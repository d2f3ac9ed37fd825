import { appendLog, discardLog, type InputOf } from '@tollgate/contracts';
import { Handle, MessageContext } from '@tollgate/messaging';
import { Controller } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { LogStore } from './log-store.service.js';

@Controller()
export class UploadsHandler {
  constructor(private readonly logs: LogStore) {}

  @Handle(appendLog)
  async append(@Payload() chunk: InputOf<typeof appendLog>, @Ctx() { caller }: MessageContext): Promise<object> {
    await this.logs.append(caller.account_id, chunk);
    return {};
  }

  @Handle(discardLog)
  async discard(@Payload() { log_id: id }: InputOf<typeof discardLog>, @Ctx() { caller }: MessageContext) {
    await this.logs.discard(caller.account_id, id);
    return {};
  }
}
