import { Database } from '@tollgate/database';
import { Injectable } from '@nestjs/common';

const PARTITIONS_AHEAD_MONTHS = 3;
/** Longer than any window that is checked for drift. */
const CALLS_KEPT_DAYS = 40;

/** What the tables need from time to time; doing it twice, or from two processes at once, changes nothing. */
@Injectable()
export class Upkeep {
  constructor(private readonly database: Database) {}

  /** Makes the partitions of the ledger up to three months ahead and returns the new ones. */
  async makePartitions(): Promise<string[]> {
    const rows = await this.database.$queryRaw<{ partition: string }[]>`
      SELECT partition FROM make_usage_partitions((clock_timestamp() + ${PARTITIONS_AHEAD_MONTHS} * interval '1 month')::date) AS partition`;
    return rows.map(({ partition }) => partition);
  }

  /** Takes the hours that are over into the sums of all accounts; returns until when these reach. */
  async advanceTotals(): Promise<Date> {
    const [row] = await this.database.$queryRaw<{ until: Date }[]>`SELECT advance_usage_totals() AS until`;
    if (!row) throw new Error('the totals of usage did not say how far they reach');
    return row.until;
  }

  /** Forgets which requests were the calls of days long past; their windows keep the sum. */
  forgetOldCalls(): Promise<number> {
    return this.database.$executeRaw`
      DELETE FROM counted_call WHERE is_spent AND day < (clock_timestamp() AT TIME ZONE 'UTC')::date - ${CALLS_KEPT_DAYS}::int`;
  }
}
