// `node logs-memory-main.js LINES`: analyses that many lines and prints the most memory that the process took, in MB.
import { LogAnalysis, LogParser } from '@tollgate/logs';
import { generatedChunks } from './logs-speed-section.js';

const analysis = new LogAnalysis();
const parser = new LogParser({ onEvent: (event) => analysis.add(event) });
for (const chunk of generatedChunks(Number(process.argv[2]))) parser.write(chunk);
parser.end();
analysis.report();
// maxRSS counts kilobytes.
console.log(process.resourceUsage().maxRSS / 1_024);
