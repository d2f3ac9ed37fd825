import type { Usage } from '@tollgate/contracts';
import type { TokenCounts } from '@tollgate/metering';
import type { ReportedUsage } from '../providers/provider.js';

/** What we counted ourselves, for where the provider says nothing. */
export interface CountedUsage {
  input: number;
  output: number;
}

/**
 * The tokens of an attempt: the provider's own counts where it gave them, ours where it did not. One missing count makes
 * the whole row ours: `provider` is only said of what the provider said completely.
 *
 * Reasoning is a part of the output: how large a part, most local providers do not say, and then it is what
 * `countReasoning` counts in the reasoning that was sent.
 */
export function attemptUsage(
  reported: ReportedUsage,
  count: () => CountedUsage,
  countReasoning: () => number = () => 0,
): Usage {
  const { input, output } = reported;
  if (input !== undefined && output) return usageOf(reported, { input, output }, 'provider', countReasoning);
  const own = count();
  // Nothing was written: then 0 is a count, else it is none.
  if (input !== undefined && output === 0 && own.output === 0) {
    return usageOf(reported, { input, output: 0 }, 'provider', countReasoning);
  }
  const totals = { input: input ?? own.input, output: output || own.output };
  return usageOf(reported, totals, 'tokenizer', countReasoning);
}

/** As the ledger takes them. */
export function tokenCountsOf(usage: Usage): TokenCounts {
  const { input_tokens: input, cached_tokens: cached, output_tokens: output, reasoning_tokens: reasoning = 0 } = usage;
  return { input, cached, output, reasoning };
}

function usageOf(
  { cached = 0, reasoning }: ReportedUsage,
  { input, output }: CountedUsage,
  source: Usage['source'],
  countReasoning: () => number,
): Usage {
  const reasoningTokens = Math.min(reasoning || countReasoning(), output);
  return {
    input_tokens: input,
    cached_tokens: Math.min(cached, input),
    output_tokens: output,
    ...(reasoningTokens > 0 && { reasoning_tokens: reasoningTokens }),
    source,
  };
}
