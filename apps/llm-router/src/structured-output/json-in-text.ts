import { isDeeperThan, JSON_LEVELS_MAX } from '@tollgate/contracts';

export type JsonInText = { json: string } | { problem: string };

/**
 * The one complete JSON object or array in what a model wrote, without the thoughts, fences and chatter around it.
 *
 * Nothing is ever added: a value that was cut off, or that is wrong in itself, is a problem and not an answer. Nor is a
 * text with two values: nobody knows which one was meant.
 */
export function jsonInText(text: string): JsonInText {
  const found = valueIn(text);
  const problem = 'json' in found ? unusable(found.json) : undefined;
  return problem === undefined ? found : { problem };
}

/** What whoever reads the value could not hold, or would not read as it was written. */
function unusable(json: string): string | undefined {
  const value: unknown = JSON.parse(json);
  if (isDeeperThan(value, JSON_LEVELS_MAX)) return `is nested deeper than ${JSON_LEVELS_MAX} levels`;
  let hasInfinity = false;
  // Only what is not deep: a reviver is called recursively.
  JSON.parse(json, (_key, part: unknown) => {
    hasInfinity ||= part === Infinity || part === -Infinity;
    return part;
  });
  return hasInfinity ? 'has a number that is too large for any type' : undefined;
}

function valueIn(text: string): JsonInText {
  const answer = text.replace(/^\s*<think>[^]*?<\/think>/, '').trim();
  if (answer === '') return { problem: 'is empty' };
  if (isJson(answer)) return { json: answer };
  const found = listValues(answer);
  const [json] = found ?? [];
  if (!found) return { problem: 'is cut off, or has a bracket without end' };
  if (json === undefined) return { problem: 'is not JSON' };
  return found.length === 1 ? { json } : { problem: 'has more than one JSON value in it' };
}

/**
 * Complete objects and arrays that stand in nothing else; undefined when the text ends inside of one. What is in brackets
 * and no JSON is passed over as a whole: a part of it is not what was meant.
 */
function listValues(text: string): string[] | undefined {
  const values: string[] = [];
  for (let from = 0; ;) {
    const offset = text.slice(from).search(/[[{]/);
    if (offset === -1) return values;
    const start = from + offset;
    const end = endOfValue(text, start);
    if (end === undefined) return undefined;
    const value = text.slice(start, end);
    if (isJson(value)) values.push(value);
    from = end;
  }
}

/** Behind the bracket that closes the one at `start`; undefined when there is none. */
function endOfValue(text: string, start: number): number | undefined {
  let depth = 0;
  let isInString = false;
  for (let at = start; at < text.length; at += 1) {
    const character = text[at];
    if (isInString) {
      if (character === '\\') at += 1;
      else if (character === '"') isInString = false;
    } else if (character === '"') isInString = true;
    else if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return undefined;
}

function isJson(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null;
  } catch {
    return false;
  }
}
