import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, errorTable, invalidRequest, isAppError } from './index.js';

const documented = readFileSync(join(__dirname, '../../../docs/errors.md'), 'utf8');

describe('docs/errors.md', () => {
  it('has exactly the rows of the error table', () => {
    const rows = documented.split('\n').filter((line) => line.startsWith('| `'));
    const expected = Object.entries(errorTable).map(
      ([code, { status, type, retryable, meaning }]) =>
        `| \`${code}\` | ${status} | \`${type}\` | ${retryable ? 'yes' : 'no'} | ${meaning} |`,
    );
    expect(rows.map((row) => row.replaceAll(/ +/g, ' '))).toEqual(expected);
  });
});

describe('AppError', () => {
  it('crosses the wire without its cause and is recognised by its code', () => {
    const error = new AppError('overloaded', 'Full.', { cause: new Error('secret'), retryAfterSeconds: 2 });
    const arrived = AppError.fromWire(JSON.parse(JSON.stringify(error.toWire())));
    expect(isAppError(arrived)).toBe(true);
    expect(arrived).toMatchObject({ code: 'overloaded', message: 'Full.', retryAfterSeconds: 2, retryable: true });
    expect(arrived.cause).toBeUndefined();
  });

  it('of a code that this version does not know becomes internal', () => {
    expect(AppError.fromWire({ code: 'from_the_future', message: 'hm' }).code).toBe('internal');
  });

  it.each([new Error('x'), 'text', undefined, { code: 'not_found' }])('made from %p is internal', (thrown) => {
    expect(AppError.fromUnknown(thrown)).toMatchObject({ code: 'internal', message: 'An internal error occurred.' });
  });
});

describe('a server that cannot be reached', () => {
  it.each([
    Object.assign(new Error('x'), { code: 'ECONNREFUSED' }),
    Object.assign(new Error('x'), {
      code: 'P2039',
      meta: { driverAdapterError: { cause: { originalCode: '57P03' } } },
    }),
    new Error('x', { cause: Object.assign(new Error('y'), { code: 'P1001' }) }),
  ])('is unavailable and not a defect', (thrown) => {
    expect(AppError.fromUnknown(thrown)).toMatchObject({ code: 'unavailable', retryAfterSeconds: 1 });
  });

  it('blames the request for what no column can hold', () => {
    const nul = { code: 'P2010', meta: { driverAdapterError: { cause: { originalCode: '22021' } } } };
    expect(AppError.fromUnknown(nul)).toMatchObject({ code: 'invalid_request', status: 400 });
    expect(AppError.fromUnknown(new Error('failed', { cause: { code: '22P05' } })).code).toBe('invalid_request');
  });
});

describe('invalidRequest', () => {
  it('names the first field in the message and all of them in the detail', () => {
    const error = invalidRequest([
      { message: 'must not be empty', path: ['messages', 0, 'content'] },
      { message: 'is required', path: ['model'] },
    ]);
    expect(error).toMatchObject({
      code: 'invalid_request',
      param: 'messages.0.content',
      message: 'messages.0.content: must not be empty',
      details: [
        { loc: ['body', 'messages', '0', 'content'], msg: 'must not be empty' },
        { loc: ['body', 'model'], msg: 'is required' },
      ],
    });
  });
});
