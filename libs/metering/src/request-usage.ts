import type { Usage } from '@tollgate/contracts';
import { Database } from '@tollgate/database';
import { Injectable } from '@nestjs/common';

interface Sums {
  input_tokens: bigint | null;
  cached_tokens: bigint | null;
  output_tokens: bigint | null;
  sources: Usage['source'][] | null;
  is_running: boolean;
}

/** What one client request has used, for whoever did not live to hear it. */
@Injectable()
export class RequestUsage {
  constructor(private readonly database: Database) {}

  /** All entries of one task in it, corrections included; undefined while something of it runs, or when nothing ever did. */
  async of(requestId: string, task: string): Promise<Usage | undefined> {
    const [row] = await this.database.$queryRaw<Sums[]>`
      SELECT sum(tokens_input) AS input_tokens, sum(tokens_cached) AS cached_tokens, sum(tokens_output) AS output_tokens,
        array_agg(DISTINCT usage_source::text) AS sources,
        EXISTS (SELECT 1 FROM hold WHERE request_id = ${requestId}::uuid) AS is_running
      FROM usage_attempt WHERE request_id = ${requestId}::uuid AND task = ${task}`;
    if (!row || row.is_running || row.input_tokens === null) return undefined;
    const [source = 'estimate', ...others] = row.sources ?? [];
    return {
      input_tokens: Number(row.input_tokens),
      cached_tokens: Number(row.cached_tokens),
      output_tokens: Number(row.output_tokens),
      source: others.length > 0 ? 'estimate' : source,
    };
  }
}
