import type { UsageBucket, UsagePage, UsageResult } from '@tollgate/contracts';
import { bucketSeconds, UsageReport, type UsageSums } from '@tollgate/metering';
import { Injectable } from '@nestjs/common';
import { pageAt, type UsageQuery } from './usage-query.js';

const EXPORTED_AT_ONCE = { '1m': 1_440, '1h': 168, '1d': 31 };

@Injectable()
export class UsageService {
  constructor(private readonly report: UsageReport) {}

  /** Every bucket of the page, also those without any use. */
  async page(query: UsageQuery, isAdmin: boolean): Promise<UsagePage> {
    const end = Math.min(query.end, query.start + query.limit * bucketSeconds[query.width]);
    const hasMore = end < query.end;
    return {
      object: 'page',
      data: await this.buckets({ ...query, end }, isAdmin),
      has_more: hasMore,
      next_page: hasMore ? pageAt(end) : null,
    };
  }

  /** All buckets that have any use, read a stretch at a time. */
  async *all(query: UsageQuery, isAdmin: boolean): AsyncGenerator<UsageBucket[], void> {
    const stretch = EXPORTED_AT_ONCE[query.width] * bucketSeconds[query.width];
    for (let start = query.start; start < query.end; start += stretch) {
      const buckets = await this.buckets({ ...query, start, end: Math.min(query.end, start + stretch) }, isAdmin);
      yield buckets.filter(({ results }) => results.length > 0);
    }
  }

  private async buckets({ start, end, ...query }: UsageQuery, isAdmin: boolean): Promise<UsageBucket[]> {
    const sums = await this.report.sums({ ...query, start: new Date(start * 1_000), end: new Date(end * 1_000) });
    const size = bucketSeconds[query.width];
    const buckets: UsageBucket[] = [];
    for (let at = start; at < end; at += size) {
      buckets.push({ object: 'bucket', start_time: at, end_time: at + size, results: [] });
    }
    for (const sum of sums) {
      const bucket = buckets[(sum.startsAt.getTime() / 1_000 - start) / size];
      bucket?.results.push(resultOf(sum, isAdmin));
    }
    return buckets;
  }
}

function resultOf(sums: UsageSums, isAdmin: boolean): UsageResult {
  const { user = null, account = null, tier = null, model = null, provider = null, task = null } = sums.group;
  return {
    object: 'usage.result',
    user,
    account,
    tier,
    model,
    provider,
    task,
    attempts: Number(sums.attempts),
    failed_attempts: Number(sums.failedAttempts),
    cache_hits: Number(sums.cacheHits),
    input_tokens: Number(sums.inputTokens),
    cached_tokens: Number(sums.cachedTokens),
    output_tokens: Number(sums.outputTokens),
    reasoning_tokens: Number(sums.reasoningTokens),
    counted_tokens: Number(sums.countedTokens),
    charge_micro_usd: String(sums.chargeMicroUsd),
    ...(isAdmin && { provider_cost_micro_usd: String(sums.providerCostMicroUsd) }),
  };
}
