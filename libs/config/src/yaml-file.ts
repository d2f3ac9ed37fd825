import { readFileSync } from 'node:fs';
import { parse, YAMLParseError } from 'yaml';
import type { z } from 'zod';
import { ConfigError, inPlainWords, problemOf, type Environment } from './load-config.js';

/**
 * Reads a YAML file and parses it with `schema`. `${NAME}` and `${NAME:-default}` in strings stand for variables of the
 * environment; an unset one without default is the empty string. Problems carry the file's name and the field's path or the
 * line, never what stands there: it may be a secret.
 */
export function loadYamlFile<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
  environment: Environment,
): z.output<Schema> {
  const content = parseYaml(path);
  if (content === null) throw new ConfigError([`${path}: is empty`]);
  const result = schema.safeParse(substitute(content, environment), { error: inPlainWords });
  if (result.success) return result.data;
  throw new ConfigError(result.error.issues.map((issue) => problemOf(issue, path)));
}

function parseYaml(path: string): unknown {
  const text = readText(path);
  try {
    // Nothing is printed: a warning would quote the file.
    return parse(text, { logLevel: 'error' });
  } catch (error) {
    throw new ConfigError([`${path}: ${syntaxProblem(error)}`]);
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown error';
    throw new ConfigError([`${path}: ${code === 'ENOENT' ? 'there is no such file' : `cannot be read (${code})`}`]);
  }
}

function syntaxProblem(error: unknown): string {
  // Anything else is an alias without its anchor, or too many of them.
  if (!(error instanceof YAMLParseError)) return 'is not valid YAML (bad alias)';
  const kind = error.code.toLowerCase().replaceAll('_', ' ');
  const [start] = error.linePos ?? [];
  const where = start ? `line ${start.line}, column ${start.col}: ` : '';
  return `${where}is not valid YAML (${kind})`;
}

function substitute(value: unknown, environment: Environment): unknown {
  if (typeof value === 'string') {
    return value.replace(
      /\$\{(\w+)(?::-([^}]*))?\}/g,
      (_, name: string, fallback = '') => environment[name] || fallback,
    );
  }
  if (Array.isArray(value)) return value.map((item) => substitute(item, environment));
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, substitute(item, environment)]));
  }
  return value;
}
