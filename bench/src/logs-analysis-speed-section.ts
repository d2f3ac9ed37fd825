import { LogAnalysis, LogParser } from '@tollgate/logs';
import type { Section } from './logs-section.js';
import { generatedChunks } from './logs-speed-section.js';
import { textTable } from './logs-table.js';

/** Lines a second from bytes to the whole report: errors, anomalies and correlations included. */
export const analysisSpeedSection: Section = {
  name: 'analysis-speed',
  async run({ isQuick }) {
    const count = isQuick ? 200_000 : 400_000;
    const chunks = [...generatedChunks(count)];
    // The best round: the first ones are slower until the code is compiled.
    const linesPerSecond = Math.max(...Array.from({ length: isQuick ? 4 : 8 }, () => count / secondsToReport(chunks)));
    console.log(textTable(['', 'lines/s'], [['bytes to report', linesPerSecond.toFixed(0)]]));
    return { analysisLinesPerSecond: linesPerSecond };
  },
};

/** Processor time of this process, so that neighbours on the machine do not count. */
function secondsToReport(chunks: readonly Buffer[]): number {
  const before = process.cpuUsage();
  const analysis = new LogAnalysis();
  const parser = new LogParser({ onEvent: (event) => analysis.add(event) });
  for (const chunk of chunks) parser.write(chunk);
  parser.end();
  analysis.report();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
