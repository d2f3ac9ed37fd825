import { createHash } from 'node:crypto';

/** Of a request: the same for bodies that differ in the order of their keys and in white space alone. */
export function fingerprintOf(route: string, body: unknown): Buffer {
  return createHash('sha256').update(`${route}\n`).update(canonicalJson(body)).digest();
}

/** Depth is bounded where bodies are parsed. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}
