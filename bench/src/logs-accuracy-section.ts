import { levelOf, parseLog, TemplateMiner } from '@tollgate/logs';
import { accuracyOf, meanAccuracy, type Accuracy } from './logs-accuracy.js';
import { readDataSets, type DataSet } from './logs-dataset.js';
import type { Section } from './logs-section.js';
import { textTable } from './logs-table.js';
import { renamedTwin } from './logs-twin.js';

/** Seeds of the renamed twins. */
const twinSeeds = [1, 2, 3];

/** Templates and headers of real logs against their truth. */
export const accuracySection: Section = {
  name: 'accuracy',
  async run({ dataFolder, isQuick }) {
    if (dataFolder === undefined) {
      console.log('accuracy: skipped, as there is no --data with real logs');
      return {};
    }
    const sets = await readDataSets(dataFolder);
    const results = sets.map(evaluate);
    console.log(tableOf(results));
    const raw = meanAccuracy(results.map((result) => result.raw));
    const content = meanAccuracy(results.map((result) => result.content));
    const twins = (isQuick ? twinSeeds.slice(0, 1) : twinSeeds).map((seed) =>
      sets.map((set) => evaluate(renamedTwin(set, seed))),
    );
    const twinMean = (pick: (result: Result) => Accuracy) => meanAccuracy(twins.flat().map(pick));
    console.log(tableOf(twins[0] ?? []));
    const twinRaw = twinMean((result) => result.raw);
    const twinContent = twinMean((result) => result.content);
    const leveled = results.filter((result) => result.level !== undefined);
    return {
      ...named('raw', raw),
      ...named('content', content),
      headerContent: meanOf(results.map((result) => result.header)),
      headerLevel: meanOf(leveled.map((result) => result.level ?? 0)),
      ...named('twinRaw', twinRaw),
      ...named('twinContent', twinContent),
    };
  },
};

interface Result {
  name: string;
  raw: Accuracy;
  content: Accuracy;
  /** Shares of lines whose message and whose level are exactly those of the truth. */
  header: number;
  level: number | undefined;
}

function evaluate({ name, lines, truth }: DataSet): Result {
  const templates = truth.map(({ template }) => template);
  const miner = new TemplateMiner();
  const shapes: number[] = [];
  let contents = 0;
  let levels = 0;
  for (const event of parseLog(lines.join('\n'))) {
    const shape = miner.add(event);
    for (let line = 0; line < event.lineCount; line += 1) shapes.push(shape);
    const expected = truth[event.line - 1];
    if (expected?.content.trim() === event.message.trim()) contents += 1;
    if (expected?.level === event.levelText) levels += 1;
  }
  const mined = miner.templates();
  const raw = shapes.map((shape) => mined.templateOf(shape).text);
  return {
    name,
    raw: accuracyOf(templates, raw),
    content: accuracyOf(templates, templatesOf(truth.map(({ content }) => content))),
    header: contents / truth.length,
    level: hasLevels(truth) ? levels / truth.length : undefined,
  };
}

/** The messages alone, as the published scores have it. */
function templatesOf(messages: readonly string[]): string[] {
  const miner = new TemplateMiner();
  const shapes = messages.map((message, index) =>
    miner.add({ message: message.trim(), line: index + 1, level: undefined }),
  );
  const mined = miner.templates();
  return shapes.map((shape) => mined.templateOf(shape).text);
}

/** A column of that name holds host names in some sets. */
function hasLevels(truth: DataSet['truth']): boolean {
  return truth.every(({ level }) => level !== undefined && (levelOf(level) !== undefined || /^[A-Z]$/.test(level)));
}

function tableOf(results: readonly Result[]): string {
  const row = (name: string, { raw, content, header, level }: Omit<Result, 'name'>) => [
    name,
    ...[raw, content].flatMap((accuracy) =>
      [accuracy.groups, accuracy.groupsF1, accuracy.texts, accuracy.templatesF1].map((value) => value.toFixed(3)),
    ),
    header.toFixed(4),
    level?.toFixed(4) ?? '',
  ];
  const leveled = results.filter((result) => result.level !== undefined);
  const mean = {
    raw: meanAccuracy(results.map((result) => result.raw)),
    content: meanAccuracy(results.map((result) => result.content)),
    header: meanOf(results.map((result) => result.header)),
    level: meanOf(leveled.map((result) => result.level ?? 0)),
  };
  const names = ['', 'raw GA', 'FGA', 'PA', 'FTA', 'message GA', 'FGA', 'PA', 'FTA', 'Content', 'Level'];
  return textTable(names, [...results.map((result) => row(result.name, result)), row('mean', mean)]);
}

function named(prefix: string, { groups, groupsF1, texts, templatesF1 }: Accuracy): Record<string, number> {
  return { [`${prefix}GA`]: groups, [`${prefix}FGA`]: groupsF1, [`${prefix}PA`]: texts, [`${prefix}FTA`]: templatesF1 };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
