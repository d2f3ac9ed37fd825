import { Drift, LapsedHolds, Upkeep } from '@tollgate/metering';
import { Logger } from '@tollgate/observability';
import { Inject, Injectable } from '@nestjs/common';
import type { RepeatOptions } from 'bullmq';
import { metrics } from './metrics.js';

export const UPKEEP_OPTIONS = Symbol('upkeep options');

export interface UpkeepOptions {
  lapsedHoldsEveryMs: number;
  driftCheckCron: string;
}

export interface UpkeepJob {
  schedule: Pick<RepeatOptions, 'every' | 'pattern' | 'tz'>;
  /** Has its effect once, however often it runs, at once or killed half-way: Postgres decides. */
  run: () => Promise<object>;
}

export type JobTable = Readonly<Record<string, UpkeepJob>>;

const HOUR_MS = 3_600_000;

/** What is to be done again and again, and when. */
@Injectable()
export class UpkeepJobs {
  readonly table: JobTable;

  constructor(
    @Inject(UPKEEP_OPTIONS) options: UpkeepOptions,
    private readonly lapsedHolds: LapsedHolds,
    private readonly drift: Drift,
    private readonly upkeep: Upkeep,
    private readonly logger: Logger,
  ) {
    this.table = {
      'end-lapsed-holds': { schedule: { every: options.lapsedHoldsEveryMs }, run: () => this.endLapsedHolds() },
      'make-partitions': { schedule: { every: 6 * HOUR_MS }, run: () => this.makePartitions() },
      'advance-totals': { schedule: { every: HOUR_MS / 6 }, run: () => this.advanceTotals() },
      'forget-old-calls': { schedule: { every: 24 * HOUR_MS }, run: () => this.forgetOldCalls() },
      'measure-drift': { schedule: { pattern: options.driftCheckCron, tz: 'UTC' }, run: () => this.measureDrift() },
    };
  }

  private async endLapsedHolds() {
    const { settled, released } = await this.lapsedHolds.end();
    metrics.lapsedHolds.inc({ end: 'settled' }, settled);
    metrics.lapsedHolds.inc({ end: 'released' }, released);
    if (settled + released > 0) this.logger.warn('holds had lapsed', { settled, released });
    return { settled, released };
  }

  private async makePartitions() {
    const made = await this.upkeep.makePartitions();
    if (made.length > 0) this.logger.log('the ledger has new partitions', { made });
    return { made };
  }

  private async advanceTotals() {
    return { until: (await this.upkeep.advanceTotals()).toISOString() };
  }

  private async forgetOldCalls() {
    return { forgotten: await this.upkeep.forgetOldCalls() };
  }

  private async measureDrift() {
    const report = await this.drift.measure();
    if (Object.values(report).some((difference) => difference !== 0)) {
      this.logger.error('the counters of the ledger differ from its rows', { drift: report });
    }
    return report;
  }
}
