import { failureOf } from '@tollgate/testing';
import { pageAt, parseUsageQuery } from './usage-query.js';

const NOON = Date.UTC(2026, 10, 21, 12, 30) / 1_000;
const DAY = 86_400;
const midnight = NOON - (NOON % DAY);
const parse = (query: unknown, accept?: string) => parseUsageQuery(query, accept, NOON);

describe('a query of usage', () => {
  it('asks for the last week by day, this day included, when it says nothing', () => {
    expect(parse({})).toEqual({
      start: midnight - 6 * DAY,
      end: midnight + DAY,
      width: '1d',
      groupBy: [],
      limit: 7,
      format: 'json',
    });
  });

  it('is widened to whole buckets', () => {
    const { start, end } = parse({ start_time: String(NOON + 1), end_time: String(NOON + 61), bucket_width: '1m' });
    expect([start, end]).toEqual([NOON, NOON + 120]);
  });

  it.each([
    [{ 'group_by[]': ['user', 'model'] }],
    [{ group_by: ['user', 'model'] }],
    [{ group_by: 'user,model' }],
    [{ 'group_by[]': ['user', 'model', 'user'] }],
  ])('groups by what %p says', (query) => {
    expect(parse(query).groupBy).toEqual(['user', 'model']);
  });

  it('goes on where a page says, and only at a bucket of its own', async () => {
    const range = { start_time: midnight - 9 * DAY, end_time: midnight };
    expect(parse({ ...range, page: pageAt(midnight - 2 * DAY) }).start).toBe(midnight - 2 * DAY);
    for (const page of [pageAt(midnight), pageAt(midnight - 1), pageAt(0), 'x']) {
      const failure = await failureOf(Promise.resolve().then(() => parse({ ...range, page })));
      expect(failure.param).toBe('page');
    }
  });

  it.each([
    ['text/csv', 'csv'],
    ['application/x-ndjson', 'ndjson'],
    ['application/json, */*', 'json'],
  ])('accepts %s as %s', (accept, format) => {
    expect(parse({}, accept).format).toBe(format);
    expect(parse({ format: 'json' }, accept).format).toBe('json');
  });

  it.each([
    ['start_time', { start_time: 'yesterday' }],
    ['start_time', { start_time: NOON + DAY, end_time: NOON }],
    ['start_time', { start_time: 0, end_time: NOON, bucket_width: '1m', format: 'csv' }],
    ['end_time', { end_time: 1e15 }],
    ['end_time', { end_time: '' }],
    ['start_time', { start_time: '' }],
    ['bucket_width', { bucket_width: '1w' }],
    ['group_by.0', { group_by: 'password' }],
    ['limit', { limit: 0 }],
    ['limit', { limit: 32 }],
    ['account_id', { account_id: "' OR 1=1" }],
  ])('with a wrong %s is refused by name', async (param, query) => {
    const failure = await failureOf(Promise.resolve().then(() => parse(query)));
    expect([failure.code, failure.param]).toEqual(['invalid_request', param]);
  });
});
