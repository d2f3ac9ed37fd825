import { Database } from '@tollgate/database';
import { Module, type DynamicModule } from '@nestjs/common';
import { Corrections } from './corrections.js';
import { Drift } from './drift.js';
import { HoldEnds } from './hold-ends.js';
import { HOLD_LEASE_MS } from './hold.js';
import { Holds } from './holds.js';
import { LapsedHolds } from './lapsed-holds.js';
import { Ledger } from './ledger.js';
import { LedgerBatches } from './ledger-batches.js';
import { LiveHolds } from './live-holds.js';
import { Plans } from './plans.js';
import type { PlansFile } from './plans-file.js';
import { Prices } from './prices.js';
import { RequestCharges } from './request-charges.js';
import { Subscriptions } from './subscriptions.js';
import type { PlanOverrides } from './tier-limits.js';
import { Upkeep } from './upkeep.js';
import { UsageReader } from './usage-reader.js';
import { UsageReport } from './usage-report.js';

const HOLD_LEASE_DEFAULT_MS = 15_000;

export interface MeteringOptions {
  /** What the plans file says. */
  plans: PlansFile;
  /** What the environment says of plans. */
  planOverrides?: PlanOverrides;
  holdLeaseMs?: number;
}

/** Plans, prices, holds, the ledger and its sums: the only code that touches those tables. */
@Module({})
export class MeteringModule {
  static forRoot(options: MeteringOptions): DynamicModule {
    const plansOfDatabase = {
      provide: Plans,
      inject: [Database],
      useFactory: (database: Database) => new Plans(database, options.plans, options.planOverrides),
    };
    const services = [
      Prices,
      Holds,
      LiveHolds,
      Ledger,
      LapsedHolds,
      Corrections,
      Drift,
      Upkeep,
      RequestCharges,
      Subscriptions,
      UsageReader,
      UsageReport,
    ];
    return {
      module: MeteringModule,
      global: true,
      providers: [
        { provide: HOLD_LEASE_MS, useValue: options.holdLeaseMs ?? HOLD_LEASE_DEFAULT_MS },
        plansOfDatabase,
        LedgerBatches,
        HoldEnds,
        ...services,
      ],
      exports: [Plans, ...services],
    };
  }
}
