export { readBillableMonths, type BillableMonth, type BillableSegment } from './billable-months.js';
export { Corrections, type Correction } from './corrections.js';
export { priceOf, type TokenCounts, type TokenPrices } from './cost.js';
export { readDailyUsage, type DailyUsage } from './daily-usage.js';
export { Drift, type DriftReport } from './drift.js';
export type { AttemptEnd, Hold, HoldRequest } from './hold.js';
export type { HoldEndEffect } from './hold-end.js';
export { Holds } from './holds.js';
export { LapsedHolds } from './lapsed-holds.js';
export { Ledger, type CacheHit } from './ledger.js';
export { LiveHolds } from './live-holds.js';
export { MeteringModule, type MeteringOptions } from './metering.module.js';
export { overageOf, type Overage } from './overage.js';
export { segmentsOf, type PlanSegment } from './plan-segments.js';
export { Plans } from './plans.js';
export { loadPlansFile, type PlansFile } from './plans-file.js';
export { Prices, type ModelPrice } from './prices.js';
export { RequestCharges } from './request-charges.js';
export { RequestUsage } from './request-usage.js';
export { applyDuePlanChange, Subscriptions } from './subscriptions.js';
export { planOverrides, tierLimitVariables, type PlanOverrides, type TierLimits } from './tier-limits.js';
export { Upkeep } from './upkeep.js';
export { UsageReader, type AccountUsage } from './usage-reader.js';
export {
  bucketSeconds,
  usageDimensions,
  UsageReport,
  type BucketWidth,
  type UsageDimension,
  type UsageReportQuery,
  type UsageSums,
} from './usage-report.js';
