import { AppError } from '@tollgate/contracts';
import { hasEndlessReference } from './endless-reference.js';

const BYTES_MAX = 64 * 1024;
const DEPTH_MAX = 32;
const NODES_MAX = 5_000;
const PATTERN_CHARACTERS_MAX = 512;
/** Where OpenAI's clients give a schema. */
export const SCHEMA_PARAM = 'response_format.json_schema.schema';

/**
 * Refuses with `invalid_request` what must not even be compiled: a schema is the caller's own text, and compiling one
 * writes code. The rest is for the thread that compiles it, with its bounds on time and memory.
 */
export function checkSchemaLimits(schema: Record<string, unknown>, param = SCHEMA_PARAM): void {
  const refuse = (problem: string) => refusal(problem, param);
  let nodes = 0;
  const waiting: { value: unknown; depth: number }[] = [{ value: schema, depth: 1 }];
  for (let item = waiting.pop(); item; item = waiting.pop()) {
    const { value, depth } = item;
    if (typeof value !== 'object' || value === null) continue;
    nodes += 1;
    if (depth > DEPTH_MAX) throw refuse(`is nested deeper than ${DEPTH_MAX} levels`);
    if (nodes > NODES_MAX) throw refuse(`has more than ${NODES_MAX} parts`);
    for (const [key, inner] of Object.entries(value)) {
      const problem = problemOf(key, inner);
      if (problem) throw refuse(problem);
      waiting.push({ value: inner, depth: depth + 1 });
    }
  }
  if (Buffer.byteLength(JSON.stringify(schema)) > BYTES_MAX) throw refuse(`is larger than ${BYTES_MAX} bytes`);
  if (hasEndlessReference(schema)) throw refuse('refers to itself in a circle that no value ends');
}

export function refusal(problem: string, param = SCHEMA_PARAM): AppError {
  return new AppError('invalid_request', `${param}: ${problem}`, { param });
}

function problemOf(key: string, value: unknown): string | undefined {
  if (key === '__proto__') return 'has a property with the name __proto__';
  if (typeof value === 'string') {
    const isReference = key === '$ref' || key === '$dynamicRef';
    if (isReference && !value.startsWith('#')) return 'refers to another document';
    if (key === 'pattern' && value.length > PATTERN_CHARACTERS_MAX) return 'has a pattern that is too long';
  }
  return key === '$async' && value === true ? 'is asynchronous' : undefined;
}
