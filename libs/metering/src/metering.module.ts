import { Database } from '@tollgate/database';
import { Module, type DynamicModule } from '@nestjs/common';
import { Ledger } from './ledger.js';
import { loadPlansFile, Plans } from './plans.js';
import { Prices } from './prices.js';
import { UsageReader } from './usage-reader.js';

/** Plans, prices, the ledger and its sums: the only code that touches those tables. */
@Module({})
export class MeteringModule {
  static forRoot({ plansFile }: { plansFile: string }): DynamicModule {
    const defaults = loadPlansFile(plansFile);
    const plans = {
      provide: Plans,
      inject: [Database],
      useFactory: (database: Database) => new Plans(database, defaults),
    };
    return {
      module: MeteringModule,
      global: true,
      providers: [plans, Prices, Ledger, UsageReader],
      exports: [Plans, Prices, Ledger, UsageReader],
    };
  }
}
