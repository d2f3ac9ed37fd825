import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { z } from 'zod';
import { ConfigError, type Environment } from './load-config.js';

/**
 * Reads a YAML file and parses it with `schema`. `${NAME}` and `${NAME:-default}` in strings stand for variables of the
 * environment; an unset one without default is the empty string. Problems carry the file's name and the field's path.
 */
export function loadYamlFile<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
  environment: Environment,
): z.output<Schema> {
  const result = schema.safeParse(substitute(parseYaml(path), environment));
  if (result.success) return result.data;
  throw new ConfigError(result.error.issues.map((issue) => `${path}: ${issue.path.join('.')}: ${issue.message}`));
}

function parseYaml(path: string): unknown {
  try {
    return parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new ConfigError([`${path}: cannot be read: ${error instanceof Error ? error.message : String(error)}`]);
  }
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
