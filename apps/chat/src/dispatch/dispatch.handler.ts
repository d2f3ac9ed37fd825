import { getDispatch, listDispatches, sendDispatch, type InputOf } from '@tollgate/contracts';
import { Handle, MessageContext } from '@tollgate/messaging';
import { Controller } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { Dispatches } from './dispatches.service.js';

@Controller()
export class DispatchHandler {
  constructor(private readonly dispatches: Dispatches) {}

  @Handle(getDispatch)
  get(@Payload() { dispatch_id }: InputOf<typeof getDispatch>, @Ctx() { caller }: MessageContext) {
    return this.dispatches.get(dispatch_id, caller);
  }

  @Handle(listDispatches)
  list(@Payload() query: InputOf<typeof listDispatches>, @Ctx() { caller }: MessageContext) {
    return this.dispatches.list(query, caller);
  }

  @Handle(sendDispatch)
  send(@Payload() { dispatch_id }: InputOf<typeof sendDispatch>, @Ctx() { caller, requestId }: MessageContext) {
    return this.dispatches.send(dispatch_id, caller, requestId);
  }
}
