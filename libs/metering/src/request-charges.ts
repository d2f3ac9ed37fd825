import { Database } from '@tollgate/database';
import { Injectable } from '@nestjs/common';

/** What one client request has cost so far, for whoever must decide whether it may run again. */
@Injectable()
export class RequestCharges {
  constructor(private readonly database: Database) {}

  /** Whether any attempt of it has used or charged something, or may be running. */
  async exist(requestId: string): Promise<boolean> {
    const rows = await this.database.$queryRaw<{ exists: boolean }[]>`
      SELECT EXISTS (SELECT 1 FROM hold WHERE request_id = ${requestId}::uuid)
        OR EXISTS (
          SELECT 1 FROM usage_attempt
          WHERE request_id = ${requestId}::uuid AND (is_counted OR charge_micro_usd > 0)
        ) AS exists`;
    return rows[0]?.exists === true;
  }
}
