import type { LogChunks, PartOptions } from './analyze-log.js';
import { LogParser } from './log-parser.js';
import type { QueryPlan } from './query-plan.js';
import { type QueryAnswer, QueryRun } from './query-run.js';
import { TemplateMiner } from './template-miner.js';

/**
 * Executes a plan over a whole log. Every number in the answer is counted.
 * @param options.referenceMs the time by which dates without a year are understood; now unless told
 */
export async function runQuery(
  source: LogChunks,
  plan: QueryPlan,
  { referenceMs }: Pick<PartOptions, 'referenceMs'> = {},
): Promise<QueryAnswer> {
  const miner = new TemplateMiner();
  const run = new QueryRun(plan);
  const parser = new LogParser({ onEvent: (event) => run.add(event, miner.add(event)), referenceMs });
  for await (const chunk of source) parser.write(chunk);
  parser.end();
  return run.answer(miner.templates());
}

/** The answer in a sentence or a short list, with line numbers. Times are UTC. */
export function describeAnswer({ plan, matched, perMinute, groupCount, groups, events }: QueryAnswer): string {
  if (matched.count === 0) return `None of the ${events} events match.`;
  const list = groups.map(({ key, count, firstLine }) => `${count}  ${key}  (first on line ${firstLine})`).join('\n');
  switch (plan.measure) {
    case 'first':
      return `First${timeOf(matched.firstMs)} on line ${matched.firstLine}; ${matched.count} events match.`;
    case 'last':
      return `Last${timeOf(matched.lastMs)} on line ${matched.lastLine}; ${matched.count} events match.`;
    case 'rate':
      return `${perMinute === undefined ? 'No times are known' : `${Number(perMinute.toPrecision(3))} a minute`}; ${matched.count} events match.`;
    case 'distinct':
      return `${groupCount} different in ${matched.count} events.\n${list}`;
    case 'values':
    case 'count':
      return `${matched.count} of ${events} events match${lines(matched.lines, matched.count)}.${list === '' ? '' : `\n${list}`}`;
  }
}

function timeOf(timeMs: number | undefined): string {
  return timeMs === undefined ? '' : ` at ${new Date(timeMs).toISOString()}`;
}

function lines(cited: readonly number[], count: number): string {
  return `, on line${cited.length === 1 ? '' : 's'} ${cited.join(', ')}${count > cited.length ? ' …' : ''}`;
}
