import { Database } from '@tollgate/database';
import { Module, type DynamicModule } from '@nestjs/common';
import { Ledger } from './ledger.js';
import { Plans, type PlansFile } from './plans.js';
import { Prices } from './prices.js';
import { RequestCharges } from './request-charges.js';
import { UsageReader } from './usage-reader.js';

/** Plans, prices, the ledger and its sums: the only code that touches those tables. */
@Module({})
export class MeteringModule {
  /** @param options.plans what the plans file says */
  static forRoot(options: { plans: PlansFile }): DynamicModule {
    const plansOfDatabase = {
      provide: Plans,
      inject: [Database],
      useFactory: (database: Database) => new Plans(database, options.plans),
    };
    return {
      module: MeteringModule,
      global: true,
      providers: [plansOfDatabase, Prices, Ledger, RequestCharges, UsageReader],
      exports: [Plans, Prices, Ledger, RequestCharges, UsageReader],
    };
  }
}
