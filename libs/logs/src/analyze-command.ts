import { describeAnswer, runQuery } from './answer-question.js';
import { analyzeLog } from './analyze-log.js';
import { openLog } from './log-source.js';
import { parseQuestion } from './question-parser.js';
import { describeReport } from './report-text.js';

export interface AnalyzeOptions {
  /** The report as JSON instead of text. */
  isJson?: boolean;
  /** Answer this instead of reporting everything. */
  question?: string;
}

/** What the command line says of a log. */
export async function analyzeCommand(path: string, { isJson, question }: AnalyzeOptions): Promise<string> {
  const source = await openLog(path);
  try {
    const report = await analyzeLog(source.read());
    if (question === undefined) return isJson ? JSON.stringify(report, undefined, 2) : describeReport(report);
    const names = (places: { name: string }[]): string[] => places.map(({ name }) => name);
    const plan = parseQuestion(question, {
      components: names(report.components),
      hosts: names(report.hosts),
      span: report.span,
    });
    if (!plan)
      return 'This question is not understood. Ask how many, how often, when first or last, which or the top of something.';
    const answer = await runQuery(source.read(), plan);
    return isJson ? JSON.stringify(answer, undefined, 2) : describeAnswer(answer);
  } finally {
    await source.close();
  }
}
