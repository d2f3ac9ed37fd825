import { AppError, errorTable, isErrorCode } from '@tollgate/contracts';
import { ForbiddenException, ImATeapotException, NotFoundException } from '@nestjs/common';
import { ErrorBody, errorResponse, toAppError } from './error-response.js';

describe('an error response', () => {
  it('has one body for OpenAI and FastAPI clients, from the table', () => {
    const error = new AppError('invalid_request', 'text: must not be empty', {
      param: 'text',
      details: [{ loc: ['body'] }],
    });
    expect(errorResponse(error, 'id-1')).toEqual({
      status: 400,
      headers: {},
      body: {
        error: {
          message: 'text: must not be empty',
          type: 'invalid_request_error',
          param: 'text',
          code: 'invalid_request',
        },
        detail: [{ loc: ['body'] }],
        request_id: 'id-1',
      },
    });
  });

  it('has the message as detail and a null param where there is no more to say', () => {
    const { body } = errorResponse(new AppError('not_found', 'gone'), 'id');
    expect(body).toMatchObject({ detail: 'gone', error: { param: null } });
  });

  it.each(Object.keys(errorTable).filter(isErrorCode))(
    'of %s keeps SDKs from retrying in vain, and only then',
    (code) => {
      const { status, headers, body } = errorResponse(new AppError(code, 'x'), 'id');
      expect(status).toBe(errorTable[code].status);
      expect(ErrorBody.parse(body).error.type).toBe(errorTable[code].type);
      const wouldRetry = [402, 408, 409, 429].includes(status) || status >= 500;
      const usual = wouldRetry && !errorTable[code].retryable ? 'false' : undefined;
      expect(headers['x-should-retry']).toBe(status === 429 ? 'true' : usual);
      expect('www-authenticate' in headers).toBe(status === 401);
    },
  );

  it('rounds the time to wait up, in header and body', () => {
    const { headers, body } = errorResponse(new AppError('overloaded', 'x', { retryAfterSeconds: 0.2 }), 'id');
    expect(headers['retry-after']).toBe('1');
    expect(body.retry_after).toBe(1);
  });
});

describe('what was thrown', () => {
  const withCode = (code: string, cause?: unknown) => Object.assign(new Error('inner text', { cause }), { code });

  it.each<[string, unknown, string]>([
    ['an AppError', new AppError('overloaded', 'x'), 'overloaded'],
    ["Nest's 404", new NotFoundException('Cannot GET /x'), 'not_found'],
    ["Nest's 403", new ForbiddenException(), 'forbidden'],
    ['any other 4xx', new ImATeapotException(), 'invalid_request'],
    ['a body over the limit', withCode('FST_ERR_CTP_BODY_TOO_LARGE'), 'payload_too_large'],
    [
      'malformed JSON, wrapped by Nest',
      new Error('x', { cause: withCode('FST_ERR_CTP_INVALID_JSON_BODY') }),
      'invalid_request',
    ],
    ['a database that is away', withCode('P1001'), 'unavailable'],
    ['a refused connection, deep inside', withCode('P2010', withCode('X', withCode('ECONNREFUSED'))), 'unavailable'],
    ['a defect', new TypeError('x is not a function'), 'internal'],
    ['no error at all', 'text', 'internal'],
  ])('%s is of the table', (_name, thrown, code) => {
    const error = toAppError(thrown);
    expect(error.code).toBe(code);
    expect(error.message).not.toContain('inner text');
  });
});
