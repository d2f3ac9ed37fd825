import { checkJson, type InputOf, type OutputOf } from '@tollgate/contracts';
import { Handle, MessageContext } from '@tollgate/messaging';
import { Controller } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { JsonChecks } from './json-checks.service.js';

/** For services that have a model call functions and judge its arguments. */
@Controller()
export class JsonChecksHandler {
  constructor(private readonly checks: JsonChecks) {}

  @Handle(checkJson)
  async check(
    @Payload() { schema, json, param }: InputOf<typeof checkJson>,
    @Ctx() { caller: { account_id: accountId } }: MessageContext,
  ): Promise<OutputOf<typeof checkJson>> {
    const text = await this.checks.usable(schema, accountId, param);
    if (json === undefined) return { problems: [], is_final: false };
    const { problems, isFinal = false } = await this.checks.check(text, json, accountId);
    return { problems, is_final: isFinal };
  }
}
