import fc from 'fast-check';
import { TemplateMiner } from './template-miner.js';

function mine(messages: readonly string[], options?: { shapesMax?: number }): TemplateMiner {
  const miner = new TemplateMiner(options);
  messages.forEach((message, index) =>
    miner.add({ message, line: index + 1, level: index % 2 === 0 ? 'info' : 'error' }),
  );
  return miner;
}

function texts(messages: readonly string[]): string[] {
  return mine(messages)
    .templates()
    .templates.map(({ text }) => text);
}

const names = 'ada ben cleo dan eve finn gus hana ian joy kim lou'.split(' ');

describe('templates', () => {
  test('a place with many different words is a parameter, one with two is not', () => {
    expect(texts(names.map((name) => `Session of ${name} was closed`))).toEqual(['Session of <*> was closed']);
    expect(texts(['Door of cabin was opened', 'Door of cabin was closed']).sort()).toEqual([
      'Door of cabin was closed',
      'Door of cabin was opened',
    ]);
  });

  test('messages that have nothing in common are never merged', () => {
    expect(texts(names)).toHaveLength(names.length);
  });

  test('a word after the name of a key is a value', () => {
    const messages = [
      'refused user=ada',
      'refused user=ben',
      'refused user=cleo',
      'welcome user dan today',
      'welcome user eve today',
    ];
    expect(texts(messages)).toEqual(['refused user=<*>', 'welcome user <*> today']);
  });

  test('a word that several keys have for a value is one wherever a value may stand, in whatever language', () => {
    const switches = ['a=ja b=ja c=ja', 'a=nein b=nein c=nein', 'Lampe an(ja)', 'gesperrt: nein', 'alle sagten ja'];
    expect(texts([...switches, ...switches, ...switches])).toEqual([
      'a=<*> b=<*> c=<*>',
      'Lampe an(<*>)',
      'gesperrt: <*>',
      'alle sagten ja',
    ]);
    expect(texts(['a=failed b=failed c=failed', 'Connection: failed'])).toContain('Connection: failed');
  });

  test('brackets and keys with nothing in them are the same message as with something', () => {
    expect(texts(['from 10.0.0.1 () at once', 'from 10.0.0.2 (a1.example) at once'])).toEqual([
      'from <*> (<*>) at once',
    ]);
  });

  test('a number in a name that never varies is part of the name', () => {
    expect(texts(['key of type ssh2 for 17', 'key of type ssh2 for 18'])).toEqual(['key of type ssh2 for <*>']);
  });

  test('a template says where and how often it was seen, and what stood in its places', () => {
    const messages = Array.from({ length: 100 }, (_, index) => `query took ${index + 1} ms on node=n${index % 3}`);
    const [template] = mine(messages).templates().templates;
    expect(template).toMatchObject({ text: 'query took <*> ms on node=<*>', count: 100, firstLine: 1, lastLine: 100 });
    expect(template?.levels).toEqual({ info: 50, error: 50 });
    const [duration, node] = template?.parameters ?? [];
    expect(duration).toMatchObject({ kind: 'number', name: 'took', count: 100, isComplete: false });
    expect(duration?.numbers).toMatchObject({ min: 1, max: 100 });
    expect(Math.abs((duration?.numbers?.quantile(0.5) ?? 0) - 50)).toBeLessThanOrEqual(2);
    expect(node).toMatchObject({ kind: 'id', name: 'node', distinct: 3, isComplete: true });
    expect(node?.values[0]).toEqual({ value: 'n0', count: 34, firstLine: 1, lastLine: 100 });
  });

  test('an id depends on the text alone', () => {
    const [a] = mine(['took 1 ms', 'took 2 ms']).templates().templates;
    const [b] = mine(['other', 'took 3 ms', 'took 9 ms', 'took 9 ms']).templates().templates;
    expect(a?.id).toBe(b?.id);
  });
});

const message = fc.oneof(
  fc.tuple(fc.constantFrom(...names), fc.integer()).map(([name, number]) => `user ${name} paid ${number} coins`),
  fc.tuple(fc.constantFrom(...names), fc.constantFrom(...names)).map(([from, to]) => `mail from=${from} to ${to} sent`),
  fc.constantFrom('started', 'stopped', 'disk full', 'disk "" mounted', 'disk "a1" mounted'),
  fc.string(),
);

describe('partial results', () => {
  const parts = fc.array(fc.array(message, { maxLength: 60 }), { maxLength: 4 });

  function mineParts(chunks: readonly string[][]): TemplateMiner[] {
    let line = 0;
    return chunks.map((chunk) => {
      const miner = new TemplateMiner();
      for (const text of chunk) miner.add({ message: text, line: (line += 1), level: 'info' });
      return miner;
    });
  }

  const sorted = (miner: TemplateMiner) =>
    JSON.stringify(
      miner.templates().templates.toSorted((a, b) => (a.text + a.firstLine < b.text + b.firstLine ? -1 : 1)),
    );

  test('merged in any order they are the same as one pass, also through JSON', () => {
    fc.assert(
      fc.property(parts, fc.boolean(), (chunks, isReversed) => {
        const miners = mineParts(chunks).map((miner) =>
          TemplateMiner.restore(JSON.parse(JSON.stringify(miner.snapshot()))),
        );
        const merged = new TemplateMiner();
        for (const miner of isReversed ? miners.reverse() : miners) merged.merge(miner);
        expect(sorted(merged)).toBe(sorted(whole(chunks)));
      }),
    );
  });

  function whole(chunks: readonly string[][]): TemplateMiner {
    const miner = new TemplateMiner();
    chunks.flat().forEach((text, index) => miner.add({ message: text, line: index + 1, level: 'info' }));
    return miner;
  }

  test('merge tells what the shapes of the other part are called', () => {
    const other = new TemplateMiner();
    const shape = other.add({ message: 'took 3 ms', line: 9, level: undefined });
    const own = mine(['started', 'took 1 ms']);
    const number = own.merge(other).get(shape) ?? NaN;
    expect(own.templates().templateOf(number)).toMatchObject({ text: 'took <*> ms', count: 2, lastLine: 9 });
  });
});

describe('a log of messages that are all different', () => {
  const word = (number: number) => number.toString(36).replace(/\d/g, (digit) => 'qrstuvwxyz'.charAt(Number(digit)));
  const unlike = Array.from(
    { length: 5_000 },
    (_, index) => `${word(index * 7_919)} ${word(index * 104_729)} ${word(index)}`,
  );

  test('does not grow the table beyond its bound, and every event is counted', () => {
    const miner = new TemplateMiner({ shapesMax: 500 });
    const numbers = unlike.map((text, index) => miner.add({ message: text, line: index + 1, level: undefined }));
    expect(miner.shapeCount).toBeLessThanOrEqual(500);
    const mined = miner.templates();
    expect(mined.templates.reduce((sum, { count }) => sum + count, 0)).toBe(unlike.length);
    for (const number of numbers) expect(mined.templateOf(number).count).toBeGreaterThan(0);
  });

  test('a parameter of thousands of words stays one template', () => {
    const miner = mine(
      unlike.map((text) => `login of ${text.split(' ')[0]} was refused by policy`),
      { shapesMax: 500 },
    );
    const [template, ...others] = miner.templates().templates;
    expect(template).toMatchObject({
      text: 'login of <*> was refused by policy',
      count: 5_000,
      firstLine: 1,
      lastLine: 5_000,
    });
    expect(others).toEqual([]);
  });
});
