import { loggedError } from './logged-error.js';

const secret = 'the prompt of a user';

describe('an error in the log', () => {
  it('has its kind, message, code, place and causes', () => {
    const refused = Object.assign(new Error('connect refused'), { code: 'ECONNREFUSED', port: 6379 });
    const logged = loggedError(new TypeError('no answer', { cause: refused }));
    expect(logged).toMatchObject({
      type: 'TypeError',
      message: 'no answer',
      cause: { type: 'Error', message: 'connect refused', code: 'ECONNREFUSED', port: 6379 },
    });
    expect(logged.stack).toMatch(/^at .*logged-error\.spec/);
  });

  it.each([
    ["a Redis command's arguments", Object.assign(new Error('OOM'), { command: { name: 'hset', args: [secret] } })],
    ['the row that Postgres refused', Object.assign(new Error('check'), { detail: `Failing row (${secret})` })],
    ['the body of a provider', Object.assign(new Error('status 500'), { body: secret, status: 500 })],
    ['a cause that has any of them', new Error('lost', { cause: Object.assign(new Error('x'), { body: secret }) })],
    ['what was thrown and is no error', secret],
  ])('has nothing of %s', (_name, error) => {
    expect(JSON.stringify(loggedError(error))).not.toContain(secret);
  });

  it('has nothing of JSON that could not be read', () => {
    for (const text of [secret, `{"prompt": ${secret}}`, `{"prompt": "${secret}`, `{} ${secret}`, `["${secret}"`]) {
      const error: unknown = (() => {
        try {
          return JSON.parse(text);
        } catch (thrown) {
          return thrown;
        }
      })();
      const logged = JSON.stringify(loggedError(error));
      expect(logged).toContain('SyntaxError');
      expect(logged).not.toMatch(/prompt|user/);
    }
  });

  it('that is its own cause comes to an end', () => {
    const round = new Error('round');
    round.cause = round;
    expect(JSON.stringify(loggedError(round)).match(/round"/g)).toHaveLength(5);
  });
});
