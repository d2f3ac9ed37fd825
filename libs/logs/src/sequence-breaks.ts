import { type Candidate, citedLinesMax, type Detection } from './anomaly.js';
import type { Observations, ObservedSessions } from './observations.js';

const sessionsMin = 20;
/** Sessions of more steps are no units of work but actors. */
const stepsMax = 400;
/** If more than this share of the sessions breaks a rule, it is none. */
const brokenShareMax = 0.05;

const start = -1;
const end = -2;

interface Rule {
  kind: 'missing' | 'unusual';
  before: number;
  after: number;
  /** Indexes of the sessions that break it. */
  broken: Set<number>;
  lines: number[];
  /** Sessions that could have broken it. */
  applied: number;
}

/**
 * Units of work that went another way: a step that all others take is missing, or one step follows another that never does
 * otherwise. Learned from the sessions themselves. Sessions that the log's beginning or end may have cut are not judged there.
 */
export function findSequenceBreaks(observations: Observations): Detection {
  const detections = observations.sessions.map((kind) => breaksOf(observations, kind));
  return {
    candidates: detections.flatMap(({ candidates }) => candidates),
    tests: detections.reduce((sum, { tests }) => sum + tests, 0),
  };
}

function breaksOf(observations: Observations, kind: ObservedSessions): Detection {
  const sessions = kind.sessions.filter(({ templates }) => templates.length >= 1 && templates.length <= stepsMax);
  const long = sessions.filter(({ templates }) => templates.length >= 2);
  const areSteps = new Set(long.flatMap(({ templates }) => templates)).size >= 2;
  if (long.length < sessionsMin || long.length < sessions.length * 0.5 || !areSteps)
    return { candidates: [], tests: 0 };
  const reach = reachOf(sessions);
  const rules = [...transitionRules(observations, sessions, reach), ...stepRules(observations, sessions, reach)];
  const deviating = new Set(rules.flatMap(({ broken }) => [...broken]));
  if (rules.length === 0 || deviating.size > sessions.length * brokenShareMax) return { candidates: [], tests: 1 };
  const paths = new Set([...deviating].map((index) => sessions[index]?.templates.join(' ')));
  // As the next unheard-of path would, by the rule of succession: how regular the sessions are otherwise.
  const probability = (paths.size + 1) / (sessions.length + 2);
  const candidate = candidateOf(observations, kind, { sessions: sessions.length, deviating: deviating.size, rules });
  return { candidates: [{ ...candidate, probability }], tests: 1 };
}

/** Lines that nearly every session spans at most. */
function reachOf(sessions: ObservedSessions['sessions']): number {
  const spans = sessions.map(({ lines }) => (lines.at(-1) ?? 0) - (lines[0] ?? 0)).toSorted((a, b) => a - b);
  return spans[Math.floor((spans.length - 1) * 0.95)] ?? 0;
}

function isWhole({ lastLine }: Observations, lines: readonly number[], reach: number): boolean {
  return (lines.at(-1) ?? 0) + reach * 1.5 < lastLine && (lines[0] ?? 0) > reach * 1.5;
}

/** A step after which another one always comes, but for few sessions. */
function transitionRules(observations: Observations, sessions: ObservedSessions['sessions'], reach: number): Rule[] {
  const transitions = new Map<string, Rule>();
  const leaving = new Map<number, number>();
  sessions.forEach(({ templates, lines }, index) => {
    const steps = isWhole(observations, lines, reach) ? [start, ...templates, end] : templates;
    const shift = steps.length - templates.length > 0 ? 1 : 0;
    for (let at = 1; at < steps.length; at++) {
      const [before, after] = [steps[at - 1] ?? start, steps[at] ?? end];
      leaving.set(before, (leaving.get(before) ?? 0) + 1);
      const key = `${before} ${after}`;
      const rule = transitions.get(key) ?? { kind: 'unusual', before, after, broken: new Set(), lines: [], applied: 0 };
      transitions.set(key, rule);
      rule.applied++;
      rule.broken.add(index);
      if (rule.lines.length < citedLinesMax)
        rule.lines.push(...[lines[at - 1 - shift], lines[at - shift]].filter(isLine));
    }
  });
  const rare = [...transitions.values()].filter((rule) => rule.applied <= (leaving.get(rule.before) ?? 0) * 0.02);
  return rare.map((rule) => ({ ...rule, applied: leaving.get(rule.before) ?? 0 }));
}

/** A step that all whole sessions take, but for few. */
function stepRules(observations: Observations, sessions: ObservedSessions['sessions'], reach: number): Rule[] {
  const whole = sessions
    .map((session, index) => ({ ...session, index }))
    .filter(({ lines }) => isWhole(observations, lines, reach));
  const taken = new Map<number, number>();
  for (const { templates } of whole) for (const step of new Set(templates)) taken.set(step, (taken.get(step) ?? 0) + 1);
  const expected = [...taken].filter(
    ([, count]) => count < whole.length && count >= whole.length * (1 - brokenShareMax),
  );
  return expected.map(([step]) => {
    const missing = whole.filter(({ templates }) => !templates.includes(step));
    return {
      kind: 'missing',
      before: step,
      after: step,
      broken: new Set(missing.map(({ index }) => index)),
      lines: missing.slice(0, citedLinesMax / 2).flatMap(({ lines }) => [lines[0], lines.at(-1)].filter(isLine)),
      applied: whole.length,
    };
  });
}

function candidateOf(
  observations: Observations,
  kind: ObservedSessions,
  { sessions, deviating, rules }: { sessions: number; deviating: number; rules: readonly Rule[] },
): Omit<Candidate, 'probability'> {
  const [first] = rules.toSorted(
    (a, b) => b.applied / b.broken.size - a.applied / a.broken.size || (a.kind < b.kind ? -1 : 1),
  );
  const name = (step: number): string =>
    step === start
      ? 'the beginning'
      : step === end
        ? 'the end'
        : `"${observations.templates[step]?.template.text ?? ''}"`;
  const what =
    first === undefined
      ? ''
      : first.kind === 'missing'
        ? `${first.broken.size} lack ${name(first.before)}`
        : `in ${first.broken.size} of them ${name(first.after)} follows ${name(first.before)}`;
  const lines = [...new Set(rules.flatMap((rule) => rule.lines))].toSorted((a, b) => a - b).slice(0, citedLinesMax);
  const template =
    first === undefined ? undefined : observations.templates[first.after >= 0 ? first.after : first.before]?.template;
  return {
    kind: 'sequence-break',
    summary: `Of ${sessions} sequences like that of ${kind.example}, ${deviating} went another way: ${what}.`,
    templateId: template?.id,
    template: template?.text,
    lines,
    fromMs: undefined,
    toMs: undefined,
    observed: deviating,
    expected: 0,
  };
}

function isLine(line: number | undefined): line is number {
  return line !== undefined;
}
