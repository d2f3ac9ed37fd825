// `pnpm logs analyze FILE` and `pnpm logs parse FILE`; see the README.
import { parseArgs } from 'node:util';
import { analyzeCommand } from './analyze-command.js';
import { parseCommand } from './parse-command.js';

const usage = `usage: pnpm logs analyze FILE [--json] [--ask QUESTION]   what is in a log: errors, anomalies, templates; or the answer to a question
       pnpm logs parse FILE [--out F.csv]                a row for every line: its time, level, component, message and template

FILE may be - for standard input, and .gz; without --out the rows go to standard output.`;

try {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { out: { type: 'string' }, json: { type: 'boolean' }, ask: { type: 'string' } },
  });
  const [command, file] = positionals;
  if (command === 'parse' && file !== undefined) {
    const { lines, events } = await parseCommand(file, values.out);
    console.error(`${lines} lines, ${events} events`);
  } else if (command === 'analyze' && file !== undefined) {
    console.log(await analyzeCommand(file, { isJson: values.json, question: values.ask }));
  } else {
    console.error(usage);
    process.exitCode = 2;
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
