import { Counter, Gauge, Histogram } from 'prom-client';

export const connectionsOpen = new Gauge({
  name: 'tollgate_websocket_connections',
  help: 'Open WebSocket connections of this gateway.',
});

export const connectionsClosed = new Counter({
  name: 'tollgate_websocket_closed_total',
  help: 'WebSocket connections that have ended, by close code; 1006 when there was no close frame.',
  labelNames: ['code'] as const,
});

/** `cause` is `dead_peer` or `slow_reader`. */
export const connectionsCut = new Counter({
  name: 'tollgate_websocket_cut_total',
  help: 'WebSocket connections cut off because their client did not answer pings or did not read.',
  labelNames: ['cause'] as const,
});

/** `type` is the type of a valid frame, or `invalid`. */
export const framesReceived = new Counter({
  name: 'tollgate_websocket_frames_received_total',
  help: 'Frames of clients.',
  labelNames: ['type'] as const,
});

/** `direction` is `in` or `out`. */
export const connectionBytes = new Histogram({
  name: 'tollgate_websocket_connection_bytes',
  help: 'Bytes of text that one connection has carried, when it ends.',
  labelNames: ['direction'] as const,
  buckets: [1e3, 1e4, 1e5, 1e6, 1e7, 1e8],
});

export const bufferedBytes = new Gauge({
  name: 'tollgate_websocket_buffered_bytes',
  help: 'Bytes of text that wait for clients to read, over all connections.',
});

export const turnsRunning = new Gauge({
  name: 'tollgate_websocket_turns_running',
  help: 'Answers that are being streamed over WebSockets.',
});

/** `outcome` is `ok`, `replayed` or an error code. */
export const turnDurationSeconds = new Histogram({
  name: 'tollgate_websocket_turn_duration_seconds',
  help: 'From the frame that asked to the last frame of its answer.',
  labelNames: ['type', 'outcome'] as const,
  buckets: [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300],
});
