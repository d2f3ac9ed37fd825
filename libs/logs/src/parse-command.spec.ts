import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCommand } from './parse-command.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parse-command-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('there is a row for every line, quoted where it must be, with the template that all of the log says', async () => {
  const [log, output] = [join(folder, 'a.log'), join(folder, 'a.csv')];
  const lines = [
    '2024-01-31 10:00:00 ERROR com.shop.Cart: lost "x", took 7 ms',
    '\tat a.b(C.java:1)',
    '2024-01-31 10:00:01 ERROR com.shop.Cart: lost "x", took 9 ms',
  ];
  await writeFile(log, lines.join('\r\n'));
  expect(await parseCommand(log, output)).toEqual({ lines: 3, events: 2, cutLines: 0, unreadableLines: 0 });
  const rows = (await readFile(output, 'utf8')).split('\n');
  expect(rows).toHaveLength(5);
  expect(rows[0]).toBe('LineId,Time,Level,Component,Content,EventId,EventTemplate');
  expect(rows[1]).toMatch(
    /^1,2024-01-31T10:00:00\.000Z,ERROR,com\.shop\.Cart,"lost ""x"", took 7 ms",[0-9a-f]{16},"lost ""x"", took <\*> ms"$/,
  );
  expect(rows[2]).toMatch(/^2,2024-01-31T10:00:00\.000Z,ERROR,com\.shop\.Cart,"\tat a\.b\(C\.java:1\)",/);
});
