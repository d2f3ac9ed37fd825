import type { Candidate, Detection } from './anomaly.js';
import type { Observations } from './observations.js';
import { clusterProbability, poissonLowerTail } from './probability.js';
import { exceedanceProbability } from './tail.js';
import type { Parameter, Template } from './template.js';

const eventsMin = 50;
/** A place with more different values than this is an open set: every value of it is rare. */
const closedSetMax = 40;
/** Events for each value that a closed set has in the mean at least. */
const repetitionMin = 8;
/** What stands there more often than this is not rare. */
const rareShareMax = 0.2;
/** A value may be this many times rarer than the next without anything being wrong. */
const leastStep = 4;

/**
 * Values that hardly ever stand where few others always do, or that all came at one time. The next rarest value would have to
 * be that rare by chance; where frequencies fall off in steps, a further step of the largest kind is expected.
 */
export function findRareValues({ templates, lines }: Observations): Detection {
  const candidates: Candidate[] = [];
  let tests = 0;
  for (const { template } of templates) {
    for (const parameter of template.parameters) {
      if (!isClosedSet(parameter)) continue;
      tests += parameter.values.length;
      const [rarest] = parameter.values
        .map((_, index) => candidateOf(template, parameter, index, lines))
        .filter((candidate) => candidate !== undefined)
        .toSorted((a, b) => a.probability - b.probability);
      if (rarest) candidates.push(rarest);
    }
  }
  return { candidates, tests };
}

function isClosedSet({ isComplete, count, distinct }: Parameter): boolean {
  return (
    isComplete && count >= eventsMin && distinct >= 2 && distinct <= closedSetMax && count / distinct >= repetitionMin
  );
}

/** `index` is that of the value, the most frequent being 0. */
function candidateOf(template: Template, parameter: Parameter, index: number, lines: number): Candidate | undefined {
  const counts = parameter.values.map(({ count }) => count);
  const value = parameter.values[index];
  const next = counts[index - 1];
  if (!value || next === undefined || value.count > parameter.count * rareShareMax) return undefined;
  const steps = counts.slice(1, -1).map((count, at) => (counts[at] ?? count) / count);
  const isRarest = index === counts.length - 1;
  const byCount = isRarest ? poissonLowerTail(value.count, next / Math.max(leastStep, ...steps)) : 1;
  const span = (value.lastLine - value.firstLine + 1) / Math.max(lines, 1);
  const probability = combined(byCount, clusterProbability(value.count, Math.max(span, 0.001)));
  if (probability > 0.05) return undefined;
  return {
    kind: 'rare-value',
    probability,
    summary: `${nameOf(parameter)} was ${JSON.stringify(value.value)} in ${value.count} of ${parameter.count} events; it has ${counts.length} values.`,
    templateId: template.id,
    template: template.text,
    lines: [...new Set([value.firstLine, value.lastLine])],
    fromMs: undefined,
    toMs: undefined,
    observed: value.count,
    expected: next,
  };
}

/** What two independent probabilities say together (Fisher's method). */
function combined(first: number, second: number): number {
  const product = Math.max(first * second, 1e-300);
  return Math.min(1, product * (1 - Math.log(product)));
}

/** Numbers far above what their place otherwise holds. */
export function findNumericOutliers({ templates }: Observations): Detection {
  const candidates: Candidate[] = [];
  let tests = 0;
  for (const { template } of templates) {
    for (const parameter of template.parameters) {
      const { numbers } = parameter;
      if (!numbers || numbers.count < eventsMin || numbers.count < parameter.count * 0.9) continue;
      tests++;
      const expected = numbers.quantile(0.5);
      const probability = exceedanceProbability(numbers, numbers.max, Math.abs(numbers.quantile(0.9)) * 0.02);
      if (probability > 0.05) continue;
      candidates.push({
        kind: 'numeric-outlier',
        probability,
        summary: `${nameOf(parameter)} reached ${numbers.max}; half of the values are below ${format(expected)}, 99 % below ${format(numbers.quantile(0.99))}.`,
        templateId: template.id,
        template: template.text,
        lines: [numbers.maxLine],
        fromMs: undefined,
        toMs: undefined,
        observed: numbers.max,
        expected,
      });
    }
  }
  return { candidates, tests };
}

function nameOf({ name, kind }: Parameter): string {
  return name === undefined ? `A ${kind}` : `The value of "${name}"`;
}

function format(value: number): string {
  return String(Number(value.toPrecision(3)));
}
