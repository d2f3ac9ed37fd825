import type { Header } from './header.js';
import { readFields } from './record-fields.js';

/** Reads a line that is one JSON object from `start` on: pino, winston, bunyan, zap, ECS, OpenTelemetry, GCP, Docker and others. */
export function readJsonLine(line: string, start: number, header: Header, referenceMs: number): boolean {
  if (line.charCodeAt(start) !== 123 || line.charCodeAt(line.trimEnd().length - 1) !== 125) return false;
  let record: unknown;
  try {
    record = JSON.parse(start === 0 ? line : line.slice(start));
  } catch {
    // Not JSON: an ordinary line that begins with a brace.
    return false;
  }
  if (!readFields((path) => scalarAt(record, path), header, referenceMs)) return false;
  header.messageStart = start;
  return true;
}

/** The text of a string, number or boolean at a path such as `log.level`, which may also be one key with a dot in it. */
function scalarAt(record: unknown, path: string): string | undefined {
  const own = property(record, path);
  if (own !== undefined) return textOf(own);
  if (!path.includes('.')) return undefined;
  let value = record;
  for (const key of path.split('.')) value = property(value, key);
  return textOf(value);
}

function property(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, key)?.value : undefined;
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  // OpenTelemetry's body: { "stringValue": "…" }
  const nested = property(value, 'stringValue');
  return typeof nested === 'string' ? nested : undefined;
}
