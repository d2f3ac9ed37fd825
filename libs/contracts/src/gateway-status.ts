import { z } from 'zod';
import { ConnectionStatus } from './llm-models.js';

/** Body of GET /health. The process is alive when it answers at all; the rest is what it last heard. */
export const GatewayHealth = z.object({
  status: z.literal('healthy'),
  service: z.string(),
  ollama_status: ConnectionStatus,
  /** The default model; null until llm-router has said it. */
  model: z.string().nullable(),
  cache_status: ConnectionStatus,
  timestamp: z.iso.datetime(),
  uptime_seconds: z.number().int(),
  /** A simulator answers in place of models. */
  llm_simulated: z.boolean(),
});
export type GatewayHealth = z.infer<typeof GatewayHealth>;

/** Body of GET /metrics for whoever does not ask for Prometheus' text. Probes are not counted. */
export const GatewayMetrics = z.object({
  /** Answered by this process. */
  requests_total: z.number().int(),
  /** Of all requests that may use the cache, over all replicas; 0 to 1. */
  cache_hit_rate: z.number(),
  /** Seconds. */
  average_response_time: z.number(),
  ollama_status: z.enum(['healthy', 'unhealthy']),
  /** Of this process, such as "153MB". */
  memory_usage: z.string(),
  /** Such as "24h 15m 30s". */
  uptime: z.string(),
});
export type GatewayMetrics = z.infer<typeof GatewayMetrics>;

/** Body of GET /ready, with 200 when everything is up and 503 otherwise. */
export const GatewayReadiness = z.object({
  status: z.enum(['ready', 'not ready']),
  /** By the name of what was checked: `postgres`, `redis`. */
  checks: z.record(z.string(), z.enum(['up', 'down'])),
});
export type GatewayReadiness = z.infer<typeof GatewayReadiness>;
