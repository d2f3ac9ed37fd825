import type { Usage } from '@tollgate/contracts';
import { Database } from '@tollgate/database';
import { RequestUsage } from '@tollgate/metering';
import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';

/** A call that was stopped is settled within milliseconds; what takes longer is found by the sweep. */
const WAIT_MS = 1_000;
const POLL_MS = 25;
/** Longer than the ledger needs for a call whose router died. */
const LATE_MS = 600_000;
const LATE_COUNT = 100;

/** What answers took that did not reach their end: no provider's last word came, but the ledger knows. */
@Injectable()
export class AnswerUsage {
  constructor(
    private readonly database: Database,
    private readonly usage: RequestUsage,
  ) {}

  /** Undefined when the ledger does not know it yet. */
  async settled(requestId: string): Promise<Usage | undefined> {
    const giveUpAt = Date.now() + WAIT_MS;
    for (;;) {
      const usage = await this.usage.of(requestId, 'chat').catch(() => undefined); // The sweep asks again.
      if (usage || Date.now() > giveUpAt) return usage;
      await sleep(POLL_MS);
    }
  }

  /** Writes it to those of the last minutes that are without. */
  async fillIn(now = Date.now()): Promise<void> {
    const rows = await this.database.$queryRaw<{ id: string; request_id: string }[]>`
      SELECT id, request_id FROM chat_message
      WHERE state IN ('stopped', 'failed') AND usage IS NULL AND created_at > ${new Date(now - LATE_MS)}
      ORDER BY created_at DESC LIMIT ${LATE_COUNT}`;
    for (const { id, request_id: requestId } of rows) {
      const usage = await this.usage.of(requestId, 'chat');
      if (usage) await this.database.chatMessage.updateMany({ where: { id }, data: { usage } });
    }
  }
}
