import { AppError } from '@tollgate/contracts';
import {
  describeAnswer,
  parseQuestion,
  QueryPlan,
  Redactor,
  type LogReport,
  type QueryAnswer,
  type QueryGroup,
} from '@tollgate/logs';
import { Injectable } from '@nestjs/common';
import type { Answer, Question, ReadableLog } from '../analysis/answer.js';
import { absenceOf, LogModel } from '../narrative/log-model.service.js';
import { computedNarrative, tokensOf, type Narrative } from '../narrative/narrative.js';
import { planPrompt, PlannedQuery } from './plan-prompt.js';

const keyCharactersMax = 300;

/** Questions that can be counted. A model may say what to count; the counting is done here, over every line. */
@Injectable()
export class Questions {
  constructor(private readonly model: LogModel) {}

  /** No answer for a question that counting cannot answer, or that nobody understood. Its plan may have cost tokens all the same. */
  async answer(body: Question, log: ReadableLog, report: LogReport): Promise<{ answer?: Answer; tokens: number }> {
    const question = questionOf(body);
    const plan = parseQuestion(question, contextOf(report));
    if (plan) return { answer: await this.count(question, plan, log, computedNarrative), tokens: 0 };
    const planned = await this.plan(question, body, report);
    const tokens = planned ? tokensOf(planned.completion) : 0;
    if (!planned?.plan) return { tokens };
    const { completion } = planned;
    const narrate = (text: string): Narrative => ({ ...computedNarrative(text), tokens, completion });
    return { answer: await this.count(question, planned.plan, log, narrate), tokens };
  }

  private async plan(question: string, body: Question, report: LogReport) {
    const redactor = new Redactor();
    const messages = planPrompt(question, report, (text) => redactor.redact(text));
    try {
      const asked = { messages, task: 'log-query', schema: PlannedQuery };
      const { value, completion } = await this.model.ask(asked, body);
      return { plan: value.plan && restored(value.plan, redactor), completion };
    } catch (error) {
      if (!absenceOf(error)) throw error;
      return undefined;
    }
  }

  private async count(
    question: string,
    plan: QueryPlan,
    log: ReadableLog,
    narrate: (text: string) => Narrative,
  ): Promise<Answer> {
    const counted = withShortKeys(await log.count(plan));
    return {
      narrative: narrate(describeAnswer(counted)),
      structuredData: { question, plan, answer: shapeOf(counted) },
      isCounted: true,
    };
  }
}

function questionOf({ prompt }: Question): string {
  if (prompt) return prompt;
  throw new AppError('invalid_request', 'prompt: the question is required', { param: 'prompt' });
}

function contextOf({ components, hosts, span }: LogReport) {
  return { components: components.map(({ name }) => name), hosts: hosts.map(({ name }) => name), span };
}

/** The plan with the values that the model saw pseudonyms of. */
function restored(plan: QueryPlan, redactor: Redactor): QueryPlan {
  const original: unknown = JSON.parse(JSON.stringify(plan), (_, value: unknown) =>
    typeof value === 'string' ? redactor.restore(value) : value,
  );
  return QueryPlan.parse(original);
}

/** A group of messages is named by its message, which may be as long as the log. */
function withShortKeys(answer: QueryAnswer): QueryAnswer {
  const groups = answer.groups.map((group) => ({ ...group, key: group.key.slice(0, keyCharactersMax) }));
  return { ...answer, groups };
}

function shapeOf({ lines, events, matched, perMinute, groupCount, groups }: QueryAnswer) {
  return {
    lines,
    events,
    matched: matched.count,
    matched_lines: matched.lines,
    first: placeOf(matched.firstLine, matched.firstMs, matched.count),
    last: placeOf(matched.lastLine, matched.lastMs, matched.count),
    per_minute: perMinute ?? null,
    group_count: groupCount,
    groups: groups.map(({ key, count, lines: cited }: QueryGroup) => ({ key, count, lines: cited })),
  };
}

function placeOf(line: number, timeMs: number | undefined, count: number) {
  if (count === 0) return null;
  return { line, time: timeMs === undefined ? null : new Date(timeMs).toISOString() };
}
