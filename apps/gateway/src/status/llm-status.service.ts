import { setTimeout as sleep } from 'node:timers/promises';
import { describeLlmHealth, type LlmHealth } from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { Logger, runInRequest, childTraceparent } from '@tollgate/observability';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';

/** What was heard before is good for so long. */
const FRESH_MS = 5_000;
const TIMEOUT_MS = 2_000;
/** The very first question may wait for its answer for so long. */
const FIRST_WAIT_MS = 500;

/** What llm-router last said of itself. Asking never fails and hardly waits: probes must not depend on other processes. */
@Injectable()
export class LlmStatus {
  private known: LlmHealth | undefined;
  private askedAt = 0;
  private isFirst = true;

  constructor(
    private readonly messages: Messages,
    private readonly logger: Logger,
  ) {}

  /** Undefined while llm-router does not answer. */
  async current(): Promise<LlmHealth | undefined> {
    if (Date.now() - this.askedAt > FRESH_MS) {
      this.askedAt = Date.now();
      const asked = this.ask();
      if (this.isFirst) await Promise.race([asked, sleep(FIRST_WAIT_MS, undefined, { ref: false })]);
      this.isFirst = false;
    }
    return this.known;
  }

  private async ask(): Promise<void> {
    // Apart from the request that asked: its end must not cancel what the next ones are told.
    const context = { requestId: uuidv7(), traceparent: childTraceparent() };
    try {
      this.known = await runInRequest(context, () =>
        this.messages.send(describeLlmHealth, {}, { timeoutMs: TIMEOUT_MS }),
      );
    } catch (error) {
      this.known = undefined;
      this.logger.debug('llm-router did not say how it is', { err: error });
    }
  }
}
