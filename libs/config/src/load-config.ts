import { z } from 'zod';

export type Environment = Record<string, string | undefined>;

/** Everything that is wrong with a configuration, one line a problem. Lines hold names and reasons, never values. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(readonly problems: string[]) {
    super(`The configuration is not valid:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
  }
}

/**
 * Reads flat variables into one frozen, nested, typed object.
 *
 * `schema` is a zod object over variable names, usually with a `.transform` into the nested shape. An empty variable
 * counts as unset. All problems are reported at once as a {@link ConfigError}.
 */
export function loadConfig<Schema extends z.ZodType>(schema: Schema, environment: Environment): z.output<Schema> {
  const present = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
  const result = schema.safeParse(present, { error: inPlainWords });
  if (!result.success) {
    throw new ConfigError(result.error.issues.map((issue) => problemOf(issue)));
  }
  return deepFreeze(result.data);
}

/** One line: where it is (`context`, then the path of the field), and what is wrong there. */
export function problemOf({ path, message }: Pick<z.core.$ZodIssue, 'path' | 'message'>, context = ''): string {
  return [context, path.join('.'), message].filter((part) => part !== '').join(': ');
}

/** What zod says of a value that is not there, for people who do not think in types. */
export function inPlainWords({ code, input }: z.core.$ZodRawIssue): string | undefined {
  return code === 'invalid_type' && input === undefined ? 'is missing' : undefined;
}

/**
 * For main files: the configuration, or the list of its problems on stderr and exit code 1. With `--check-config` on the
 * command line the process ends here with 0 or 1 and starts nothing.
 */
export function loadConfigOrExit<Config>(load: () => Config): Config {
  try {
    const config = load();
    if (!process.argv.includes('--check-config')) return config;
    process.stdout.write('The configuration is valid.\n');
    return process.exit(0);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return process.exit(1);
  }
}

function deepFreeze<T>(value: T): T {
  if (value === null || typeof value !== 'object' || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const child of Object.values(value)) deepFreeze(child);
  return value;
}
