import { MessageScanner, slotMark } from './message-scanner.js';

function scan(text: string): { key: string; values: string[] } {
  const scanner = new MessageScanner();
  scanner.scan(text);
  const values = Array.from({ length: scanner.slotCount }, (_, slot) =>
    text.slice(scanner.starts[slot], scanner.ends[slot]),
  );
  return { key: scanner.key.replaceAll(slotMark, '<*>'), values };
}

const examples: [message: string, key: string][] = [
  ['took 12 ms, 3.5 % of -7', 'took <*> ms, <*> % of <*>'],
  ['Accepted from 10.0.0.7:22 port 4711.', 'Accepted from <*> port <*>.'],
  ['lease for fe80::1ff:fe23:4567:890a on 00:1b:44:11:3a:b7', 'lease for <*> on <*>'],
  ['open /var/lib/a.db and C:\\Temp\\x and https://a.example/b?c=1', 'open <*> and <*> and <*>=<*>'],
  ['request 7f1c2a90-0c4e-4c7e-9f5d-2f6f6d8b3c11 done', 'request <*> done'],
  ['flags=0x1f, name="two words", on=true user=', 'flags=<*>, name="<*>", on=<*> user='],
  ['ready: false (code:17)', 'ready: <*> (code:<*>)'],
  ['since Wed Jan 31 10:00:00 2024 and 2024-01-31 10:00:00', 'since <*> and <*>'],
  ['dump.4900 on Reader #3', 'dump.<*> on Reader #<*>'],
  ['blocks 1 2 3 4 5 6 7 8 9 end', 'blocks <*> end'],
  ['read/write of a == b => c', 'read/write of a == b => c'],
  ['too   many\tspaces', 'too many spaces'],
];

describe('the scanner of messages', () => {
  test.each(examples)('%s', (message, key) => {
    expect(scan(message).key).toBe(key);
  });

  test('values are cut exactly', () => {
    expect(scan('user=ada from 10.0.0.7, try #3').values).toEqual(['ada', '10.0.0.7', '3']);
  });

  test('what is longer than anybody reads becomes one value', () => {
    expect(scan(`start ${'word '.repeat(10_000)}`).key.length).toBeLessThan(5_000);
    expect(scan('a,1 '.repeat(400)).values.at(-1)?.length).toBeGreaterThan(1_000);
  });
});
