// `pnpm logs parse FILE [--out F.csv]`; see the README.
import { parseArgs } from 'node:util';
import { parseCommand } from './parse-command.js';

const usage = `usage: pnpm logs parse FILE [--out F.csv]     a row for every line: its time, level, component, message and template

FILE may be - for standard input; without --out the rows go to standard output.`;

const { positionals, values } = parseArgs({ allowPositionals: true, options: { out: { type: 'string' } } });
const [command, file] = positionals;

if (command === 'parse' && file !== undefined) {
  try {
    const { lines, events } = await parseCommand(file, values.out);
    console.error(`${lines} lines, ${events} events`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
} else {
  console.error(usage);
  process.exitCode = 2;
}
