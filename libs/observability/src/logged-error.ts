/** A defect's cause may have a cause, and some go round in circles. */
const CAUSES_MAX = 4;

/** What tells kinds of failures apart, and is never text of a user. */
const told = ['code', 'category', 'status', 'statusCode', 'errno', 'syscall', 'address', 'port'] as const;

export interface LoggedError {
  type: string;
  message: string;
  /** Where it was thrown; without the message, which stands above. */
  stack: string;
  cause?: LoggedError;
}

/**
 * What a log may know of an error: its kind, message, place and causes.
 *
 * Everything else stays out: the clients of Redis, Postgres and HTTP hang commands, rows and bodies on their errors, in which
 * prompts and keys stand.
 */
export function loggedError(thrown: unknown, causesLeft = CAUSES_MAX): LoggedError {
  if (typeof thrown !== 'object' || thrown === null || !('message' in thrown)) {
    return { type: typeof thrown, message: 'not an error', stack: '' };
  }
  const { name, message, stack, cause, ...known } = Object(thrown);
  const facts = told.flatMap((field) => (isFact(known[field]) ? [[field, known[field]]] : []));
  return {
    type: String(name),
    message: withoutSource(String(name), String(message)),
    ...Object.fromEntries(facts),
    stack: /\n\s+at [\s\S]*/.exec(String(stack))?.[0].trim() ?? '',
    ...(cause !== undefined && causesLeft > 0 && { cause: loggedError(cause, causesLeft - 1) }),
  };
}

function isFact(value: unknown): boolean {
  return typeof value === 'number' || (typeof value === 'string' && value.length <= 100);
}

/** V8 quotes what JSON.parse could not read. */
function withoutSource(name: string, message: string): string {
  return name === 'SyntaxError' ? message.replace(/[,.]*\s*"[\s\S]*"[.]*/, ' …') : message;
}
