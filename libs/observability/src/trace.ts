import { pooledRandomBytes } from './random-bytes.js';

const pattern = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const zeros = /^0+$/;

/**
 * The traceparent for the next hop: the same trace with a new span, or a new trace when there is no valid parent.
 * Format: W3C Trace Context, https://www.w3.org/TR/trace-context/#traceparent-header
 */
export function childTraceparent(parent?: string): string {
  const match = parent ? pattern.exec(parent) : null;
  const [, traceId, parentId, flags] = match ?? [];
  const span = randomHex(8);
  if (!traceId || !parentId || zeros.test(traceId) || zeros.test(parentId)) {
    return `00-${randomHex(16)}-${span}-01`;
  }
  return `00-${traceId}-${span}-${flags}`;
}

export function traceIdOf(traceparent: string): string | undefined {
  return pattern.exec(traceparent)?.[1];
}

function randomHex(bytes: number): string {
  return Buffer.from(pooledRandomBytes(bytes)).toString('hex');
}
