import { Counter, Gauge, Histogram } from 'prom-client';

/** `route` is the pattern of a registered route, or `none`: never what the client wrote. */
export const requestsTotal = new Counter({
  name: 'tollgate_http_requests_total',
  help: 'HTTP requests answered; status 499 when the client left first.',
  labelNames: ['route', 'method', 'status'] as const,
});

export const requestDurationSeconds = new Histogram({
  name: 'tollgate_http_request_duration_seconds',
  help: 'From the first byte of the request head to the last byte of the answer, streams included.',
  labelNames: ['route', 'method', 'status'] as const,
  buckets: [0.005, 0.02, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300],
});

export const streamsOpen = new Gauge({
  name: 'tollgate_http_streams_open',
  help: 'Server-sent event streams being written.',
});

export const connectionsRefused = new Counter({
  name: 'tollgate_http_connections_refused_total',
  help: 'Connections that were closed because there were too many: in total, or of one address.',
  labelNames: ['limit'],
});
