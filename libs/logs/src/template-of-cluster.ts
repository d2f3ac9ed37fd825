import type { Assignments } from './assignments.js';
import type { Cluster } from './derivation.js';
import { absorb, generalisedKey } from './generalise.js';
import { slotMark } from './message-scanner.js';
import { Shape } from './shape.js';
import type { Parameter, Template } from './template.js';
import { hashText } from './text-hash.js';
import type { ValueSketch } from './value-sketch.js';

const wildcard = '<*>';

/** The template of shapes that belong together. */
export function templateOf({ isVariable, shapes, assignments }: Cluster): Template {
  const [first] = shapes;
  if (!first) throw new RangeError('A cluster has at least one shape');
  let shape = first;
  if (shapes.length > 1 || isVariable.includes(true)) {
    shape = new Shape(0, generalisedKey(first.key, isVariable));
    for (const part of shapes) absorb(shape, part);
  }
  const tokens: (string | undefined)[] = [];
  const parameters: Parameter[] = [];
  let constant = '';
  for (const [index, literal] of shape.key.split(slotMark).entries()) {
    const values = index === 0 ? undefined : shape.values[index - 1];
    if (values) {
      const only = constantOf(values, constant, assignments);
      if (only === undefined) {
        if (constant !== '') tokens.push(constant);
        tokens.push(undefined);
        parameters.push(parameterOf(values, nameBefore(constant)));
        constant = '';
      } else constant += only;
    }
    constant += literal;
  }
  if (constant !== '') tokens.push(constant);
  const text = tokens.map((token) => token ?? wildcard).join('');
  const { count, firstLine, lastLine } = shape;
  const levels = Object.fromEntries(shape.levels);
  return { id: idOf(text), tokens, text, count, firstLine, lastLine, levels, parameters };
}

/** 64 bits of the text: two templates in a million million have the same. */
function idOf(text: string): string {
  const [high, low] = [hashText(text), hashText(text, 0x2545f491)];
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0');
}

/**
 * A value that never varied is a constant after all, unless it is one by its nature: the number of a port does not become
 * part of the text because only one port was seen.
 */
function constantOf(values: ValueSketch, before: string, assignments: Assignments): string | undefined {
  const only = values.constant;
  if (only === undefined) return undefined;
  if (values.kind === 'word')
    return values.count >= 3 && !isBoolean(only) && !assignments.isFlag(only) ? only : undefined;
  if (values.kind !== 'id' || (before.endsWith('=') && values.count < 3)) return undefined;
  return /^[A-Za-z][^\d]+\d{1,2}[^\d]*$/.test(only) ? only : undefined;
}

function isBoolean(word: string): boolean {
  return /^(true|false|null|none|nil|yes|no|on|off)$/i.test(word);
}

function nameBefore(text: string): string | undefined {
  return /([A-Za-z][\w.-]*)["']?\s*[=:#]?\s*["'([]?$/.exec(text.slice(-64))?.[1];
}

function parameterOf(values: ValueSketch, name: string | undefined): Parameter {
  return {
    kind: values.kind,
    name,
    count: values.count,
    distinct: values.distinct,
    isComplete: values.isComplete,
    values: values.values(),
    numbers: values.numbers?.summary(),
  };
}
