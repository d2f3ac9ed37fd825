// `node logs-memory-main.js LINES`: analyses that many lines and prints the most memory that the process took, in MB.
import { LogParser, TemplateMiner } from '@tollgate/logs';
import { generatedChunks } from './logs-speed-section.js';

const miner = new TemplateMiner();
const parser = new LogParser({ onEvent: (event) => miner.add(event) });
for (const chunk of generatedChunks(Number(process.argv[2]))) parser.write(chunk);
parser.end();
miner.templates();
// maxRSS counts kilobytes.
console.log(process.resourceUsage().maxRSS / 1_024);
