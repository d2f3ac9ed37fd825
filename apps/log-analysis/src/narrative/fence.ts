import { createHash } from 'node:crypto';

const NAME_DIGITS = 16;

/**
 * Text that is data, between marks whose name is a digest of it: whoever wrote the text cannot have known the name, and so
 * cannot close the fence from within.
 */
export function fenced(kind: string, text: string): string {
  const name = `${kind}-${createHash('sha256').update(text).digest('hex').slice(0, NAME_DIGITS)}`;
  return `<${name}>\n${text}\n</${name}>`;
}
