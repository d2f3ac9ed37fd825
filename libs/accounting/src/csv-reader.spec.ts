import { readCsv } from './csv-reader.js';

async function read(text: string, size = text.length): Promise<string[][]> {
  async function* chunks() {
    for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
  }
  const records: string[][] = [];
  for await (const record of readCsv(chunks())) records.push(record);
  return records;
}

describe('a CSV file', () => {
  const text = '\uFEFFa,b,"c ""d"", e"\r\n1,"two\nlines",\n\n"",x"y,3';
  const records = [
    ['a', 'b', 'c "d", e'],
    ['1', 'two\nlines', ''],
    ['', 'x"y', '3'],
  ];

  it.each([1, 2, 3, 7, 1_000])('is read the same in chunks of %i characters', async (size) => {
    expect(await read(text, size)).toEqual(records);
  });

  it.each([
    [
      'a;b\n1,5;2\n',
      [
        ['a', 'b'],
        ['1,5', '2'],
      ],
    ],
    [
      'a\tb\n1\t2',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    ['', []],
  ])('may have semicolons or tabs, or nothing: %j', async (given, expected) => {
    expect(await read(given)).toEqual(expected);
  });

  it('with an open quote or an endless field is refused with its line', async () => {
    await expect(read('a,b\n1,"2\n')).rejects.toMatchObject({ param: 'line 2' });
    await expect(read(`a,b\n1,${'x'.repeat(20_000)}`, 100)).rejects.toMatchObject({ param: 'line 2' });
    await expect(read('x'.repeat(20_000), 100)).rejects.toMatchObject({ param: 'line 1' });
  });
});
