export { priceOf, type TokenCounts, type TokenPrices } from './cost.js';
export { Ledger, type Attempt } from './ledger.js';
export { MeteringModule } from './metering.module.js';
export { loadPlansFile, Plans, type PlansFile } from './plans.js';
export { Prices, type ModelPrice } from './prices.js';
export { RequestCharges } from './request-charges.js';
export { UsageReader, type AccountUsage } from './usage-reader.js';
