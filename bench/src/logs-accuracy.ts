/** How well found templates agree with the true ones; all between 0 and 1. */
export interface Accuracy {
  /** Group accuracy: the share of lines whose group has exactly the lines of a true group. */
  groups: number;
  /** F1 over groups: every group counts the same, however many lines it has. */
  groupsF1: number;
  /** Parsing accuracy: the share of lines whose template has the text of the truth. */
  texts: number;
  /** F1 over templates: a group counts when both its lines and its text are the truth's. */
  templatesF1: number;
}

/**
 * Compares templates line by line, as defined in "Guidelines for Assessing the Accuracy of Log Message Template
 * Identification Techniques" (ICSE 2022) and Loghub-2.0. Texts are compared with single spaces, as a miner cannot know which were doubled.
 */
export function accuracyOf(truth: readonly string[], found: readonly string[]): Accuracy {
  const truthGroups = groupsOf(truth);
  const foundGroups = groupsOf(found);
  let lines = 0;
  let groups = 0;
  let templates = 0;
  for (const [text, members] of foundGroups) {
    const expected = truth[members[0] ?? -1];
    const isGroup =
      expected !== undefined &&
      truthGroups.get(expected)?.length === members.length &&
      members.every((line) => truth[line] === expected);
    if (!isGroup) continue;
    groups += 1;
    lines += members.length;
    if (normalised(text) === normalised(expected)) templates += 1;
  }
  const texts = truth.filter((text, line) => normalised(text) === normalised(found[line] ?? '')).length;
  const f1 = (count: number) => (2 * count) / (truthGroups.size + foundGroups.size);
  return {
    groups: lines / truth.length,
    groupsF1: f1(groups),
    texts: texts / truth.length,
    templatesF1: f1(templates),
  };
}

export function meanAccuracy(all: readonly Accuracy[]): Accuracy {
  const mean = (field: keyof Accuracy) => all.reduce((sum, accuracy) => sum + accuracy[field], 0) / all.length;
  return {
    groups: mean('groups'),
    groupsF1: mean('groupsF1'),
    texts: mean('texts'),
    templatesF1: mean('templatesF1'),
  };
}

function groupsOf(templates: readonly string[]): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  for (const [line, template] of templates.entries()) {
    const group = groups.get(template);
    if (group) group.push(line);
    else groups.set(template, [line]);
  }
  return groups;
}

function normalised(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
