import type { ObservedSessions } from './observations.js';

export interface ScoredSession {
  lines: readonly number[];
  /** The higher, the more unusual; comparable within a kind of session. */
  score: number;
}

/** A step that says that something failed weighs this much more than another that is as rare. */
const failureWeight = 2;
/** How much an unusual order counts beside unusual steps. */
const orderWeight = 0.1;

/**
 * How unusual each session is among those of its kind. A rare step (by inverse document frequency: the logarithm of how many
 * sessions there are for each that has it) counts once if it is ordinary, since one excursion takes several such steps, and
 * each time if it tells of a failure. The mean surprise of its transitions decides between equals.
 */
export function scoreSessions(
  sessions: ObservedSessions['sessions'],
  isFailure: (template: number) => boolean,
): ScoredSession[] {
  const having = new Map<number, number>();
  const leaving = new Map<number, number>();
  const transitions = new Map<string, number>();
  for (const { templates } of sessions) {
    for (const template of new Set(templates)) raise(having, template);
    forEachTransition(templates, (before, transition) => {
      raise(leaving, before);
      raise(transitions, transition);
    });
  }
  const rarityOf = (template: number): number => Math.log(sessions.length / (having.get(template) ?? 1));
  return sessions.map(({ templates, lines }) => {
    let ordinary = 0;
    let failing = 0;
    for (const template of new Set(templates)) {
      if (isFailure(template)) failing += rarityOf(template);
      else ordinary = Math.max(ordinary, rarityOf(template));
    }
    const surprises: number[] = [];
    forEachTransition(templates, (before, transition) => {
      surprises.push(Math.log((leaving.get(before) ?? 1) / (transitions.get(transition) ?? 1)));
    });
    const surprise = surprises.reduce((sum, value) => sum + value, 0) / surprises.length;
    return { lines, score: ordinary + failureWeight * failing + orderWeight * surprise };
  });
}

const beginning = -1;
const end = -2;

function forEachTransition(templates: readonly number[], visit: (before: number, transition: string) => void): void {
  let before = beginning;
  for (const template of [...templates, end]) {
    visit(before, `${before} ${template}`);
    before = template;
  }
}

function raise<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
