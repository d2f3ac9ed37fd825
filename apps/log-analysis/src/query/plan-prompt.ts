import type { ChatMessage } from '@tollgate/contracts';
import { QueryPlan, type LogReport } from '@tollgate/logs';
import { z } from 'zod';
import { fenced } from '../narrative/fence.js';
import { dataRule } from '../narrative/narrative-prompt.js';

/** Null for a question that counting cannot answer. */
export const PlannedQuery = z.strictObject({ plan: QueryPlan.nullable() });

const templatesMax = 40;
const templateCharactersMax = 200;

const rules = [
  'You turn a question about a log into a plan that a program executes. You never answer the question yourself.',
  dataRule,
  'measure: count (how many events), rate (per minute), first or last (when), distinct (different values of the field `of`), values (what stands behind the word `variable`).',
  'where: which events count; leave out what the question does not say. groupBy: what to count by. Times are milliseconds since 1970, UTC.',
  'plan is null when no count answers the question, such as one for a reason or an opinion.',
];

const examples: [string, z.input<typeof PlannedQuery>][] = [
  [
    'Which part of the system complained the most?',
    { plan: { measure: 'count', where: { failures: true }, groupBy: 'component', limit: 1 } },
  ],
  ['Did payments ever recover?', { plan: { measure: 'last', where: { text: ['payment', 'recovered'] } } }],
  ['Is this system well designed?', { plan: null }],
];

/** A question that the parser of common forms has given up on, for a model. `redact` is applied to all that comes from the log. */
export function planPrompt(question: string, report: LogReport, redact: (text: string) => string): ChatMessage[] {
  const shots = examples.flatMap(([asked, answer]): ChatMessage[] => [
    { role: 'user', content: `Question: ${asked}` },
    { role: 'assistant', content: JSON.stringify(answer) },
  ]);
  return [
    { role: 'system', content: rules.join('\n') },
    ...shots,
    {
      role: 'user',
      content: `What the log has:\n\n${fenced('log', redact(contentsOf(report)))}\n\nQuestion: ${redact(question)}`,
    },
  ];
}

function contentsOf({ span, levels, components, hosts, templates }: LogReport): string {
  return JSON.stringify({
    fromMs: span?.fromMs,
    toMs: span?.toMs,
    levels,
    components: components.map(({ name }) => name),
    hosts: hosts.map(({ name }) => name),
    templates: templates
      .slice(0, templatesMax)
      .map(({ id, text, count }) => ({ id, count, text: text.slice(0, templateCharactersMax) })),
  });
}
