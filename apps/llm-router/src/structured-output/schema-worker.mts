// The thread in which schemas of callers are compiled and their answers judged. It may run for ever or fill its memory:
// whoever started it ends it then. One file without imports of ours, so that Node runs it from src/ (tests) and dist/ alike.
import { createHash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

const COMPILED_MAX = 64;
const PROBLEMS_MAX = 20;

/** Oldest first. */
const compiled = new Map<string, ValidateFunction>();

if (!parentPort) throw new Error('this runs as a thread of the router');
const parent = parentPort;
parent.on('message', ({ schema, json }: { schema: string; json?: string }) => parent.postMessage(judge(schema, json)));
// The first schema takes a hundred times as long as those after it: it would have to share its time with the warming up.
judge('{"type":"object"}', '{}');
parent.postMessage('ready');

function judge(schema: string, json: string | undefined) {
  try {
    const validate = compile(schema);
    if (json === undefined || validate(JSON.parse(json)) === true) return { verdict: 'valid' };
    return { verdict: 'invalid', problems: (validate.errors ?? []).slice(0, PROBLEMS_MAX).map(describe) };
  } catch (error) {
    return { verdict: 'bad_schema', problems: [reasonOf(error)] };
  }
}

function compile(text: string): ValidateFunction {
  const key = createHash('sha256').update(text).digest('hex');
  const known = compiled.get(key);
  if (known) return known;
  const { $schema: dialect, ...schema } = JSON.parse(text);
  // Draft 2020-12 unless the schema says that it is an older one, as those that SDKs make of their types do.
  const Engine = typeof dialect === 'string' && /draft-0[67]/.test(dialect) ? Ajv : Ajv2020;
  // Numbers strictly: 1e999 is read as Infinity, which is no number of JSON and would be written as null.
  const engine = new Engine({ strict: false, strictNumbers: true, allErrors: true });
  formats.default(engine);
  const validate = engine.compile(schema);
  compiled.set(key, validate);
  const [oldest] = compiled.keys();
  if (compiled.size > COMPILED_MAX && oldest !== undefined) compiled.delete(oldest);
  return validate;
}

function reasonOf(error: unknown): string {
  if (error instanceof RangeError) return 'is nested too deeply, or refers to itself without end';
  return error instanceof Error ? error.message : 'cannot be compiled';
}

/** As a person and a model read it: `/items/0/age: must be integer`. */
function describe({ instancePath, message = 'is not valid', keyword, params }: ErrorObject): string {
  const extra = keyword === 'additionalProperties' ? ` (${params['additionalProperty']})` : '';
  const allowed = keyword === 'enum' ? `: ${JSON.stringify(params['allowedValues'])}` : '';
  return `${instancePath || '/'}: ${message}${extra}${allowed}`.slice(0, 300);
}
