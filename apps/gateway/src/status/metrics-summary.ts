import type { GatewayMetrics, LlmHealth } from '@tollgate/contracts';
import { requestDurationSeconds } from '../http/metrics.js';

const probes = new Set(['/health', '/ready', '/metrics']);

/** The documented figures, of what this process has counted and what llm-router says. */
export async function metricsSummary(llm: LlmHealth | undefined): Promise<GatewayMetrics> {
  const { values } = await requestDurationSeconds.get();
  const sumOf = (suffix: string) =>
    values
      .filter(({ metricName, labels }) => metricName?.endsWith(suffix) && !probes.has(String(labels.route)))
      .reduce((sum, { value }) => sum + value, 0);
  const requests = sumOf('_count');
  return {
    requests_total: requests,
    cache_hit_rate: llm ? hitRate(llm.cache) : 0,
    average_response_time: requests === 0 ? 0 : Math.round((sumOf('_sum') / requests) * 1_000) / 1_000,
    ollama_status: llm?.ollama_status === 'connected' ? 'healthy' : 'unhealthy',
    memory_usage: formatBytes(process.memoryUsage.rss()),
    uptime: formatDuration(process.uptime()),
  };
}

function hitRate({ hits, shared, misses }: LlmHealth['cache']): number {
  const all = hits + shared + misses;
  return all === 0 ? 0 : Math.round(((hits + shared) / all) * 1_000) / 1_000;
}

export function formatBytes(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)}GB` : `${Math.round(bytes / 1e6)}MB`;
}

export function formatDuration(seconds: number): string {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 3_600)}h ${Math.floor((whole % 3_600) / 60)}m ${whole % 60}s`;
}
