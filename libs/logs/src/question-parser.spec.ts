import { describeAnswer, runQuery } from './answer-question.js';
import { parseQuestion } from './question-parser.js';
import { QueryPlan } from './query-plan.js';

const context = {
  components: ['shop.pay', 'shop.cart'],
  hosts: ['web-1'],
  span: { fromMs: Date.UTC(2026, 2, 1, 9), toMs: Date.UTC(2026, 2, 1, 12) },
};

describe('parseQuestion', () => {
  it.each([
    [
      'How many errors between 10:00 and 11:00 by component?',
      { where: { failures: true, fromMinute: 600, toMinute: 660 }, measure: 'count', groupBy: 'component' },
    ],
    ['when did "connection refused" first appear', { where: { text: ['connection refused'] }, measure: 'first' }],
    ['When did OutOfMemoryError first appear?', { where: { text: ['outofmemoryerror'] }, measure: 'first' }],
    ['when was the last timeout', { where: { text: ['timeout'] }, measure: 'last' }],
    ['top 5 messages', { where: {}, measure: 'count', groupBy: 'template', limit: 5 }],
    ['What are the top 3 errors?', { where: { failures: true }, measure: 'count', groupBy: 'template', limit: 3 }],
    ['how many warnings in shop.cart', { where: { levels: ['warn'], components: ['shop.cart'] }, measure: 'count' }],
    ['how many different hosts', { where: {}, measure: 'distinct', of: 'host' }],
    ['how often does "cart" occur', { where: { text: ['cart'] }, measure: 'rate' }],
    ['which component has the most errors', { where: { failures: true }, measure: 'count', groupBy: 'component' }],
    [
      'count errors per hour in the last 2 hours',
      { where: { failures: true, fromMs: Date.UTC(2026, 2, 1, 10) }, measure: 'count', groupBy: 'hour' },
    ],
    [
      'how many events on 2026-03-01',
      { where: { fromMs: Date.UTC(2026, 2, 1), toMs: Date.UTC(2026, 2, 2) }, measure: 'count' },
    ],
    [
      'how many lines from line 10 to 20 mention cart',
      { where: { fromLine: 10, toLine: 20, text: ['cart'] }, measure: 'count' },
    ],
    ['top values of user', { where: {}, measure: 'values', variable: 'user' }],
  ])('understands %j', (question, plan) => expect(parseQuestion(question, context)).toMatchObject(plan));

  it.each(['Why did the payment fail?', 'hello', 'what should I do'])('leaves %j to others', (question) => {
    expect(parseQuestion(question, context)).toBeUndefined();
  });

  it('makes plans that are valid JSON of the schema', () => {
    const plan = parseQuestion('how many errors by component', context);
    expect(QueryPlan.parse(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
  });
});

describe('runQuery', () => {
  const log = Array.from({ length: 600 }, (_, index) => {
    const time = new Date(Date.UTC(2026, 2, 1, 9, 0, 0) + index * 20_000).toISOString();
    if (index % 100 === 50) return `${time} ERROR [shop.pay] payment of user=u${index % 3} failed`;
    return index % 7 === 0 ? `${time} WARN [shop.stock] low` : `${time} INFO [shop.cart] cart ${index} updated`;
  });
  const ask = async (question: string) => {
    const plan = parseQuestion(question, context);
    if (!plan) throw new Error('not understood');
    return runQuery([`${log.join('\n')}\n`], plan);
  };

  it('counts exactly what a filter over the lines counts', async () => {
    const warnings = log.filter((line) => line.includes(' WARN ')).length;
    expect(await ask('how many warnings')).toMatchObject({ lines: 600, matched: { count: warnings, firstLine: 1 } });
    const between = log.filter((line) => line.includes('ERROR') && line.includes('T10:'));
    expect((await ask('how many errors between 10:00 and 11:00')).matched.count).toBe(between.length);
  });

  it('groups by template with the numbers of the miner', async () => {
    const { groups, groupCount } = await ask('top 2 messages');
    expect(groups.map(({ key }) => key)).toEqual(['cart <*> updated', 'low']);
    expect(groupCount).toBe(3);
  });

  it('finds first and last with their lines and says so', async () => {
    const answer = await ask('when did "failed" first appear');
    expect(answer.matched).toMatchObject({ firstLine: 51, count: 6 });
    expect(describeAnswer(answer)).toBe('First at 2026-03-01T09:16:40.000Z on line 51; 6 events match.');
  });

  it('counts the values of a variable', async () => {
    const { groups } = await ask('top values of user');
    expect(groups.map(({ key, count }) => [key, count])).toEqual([
      ['u2', 2],
      ['u0', 2],
      ['u1', 2],
    ]);
  });

  it('says plainly that nothing matches', async () => {
    expect(describeAnswer(await ask('how many "unicorns"'))).toBe('None of the 600 events match.');
  });
});
