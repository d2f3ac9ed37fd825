import { AppError, request } from '@tollgate/contracts';
import { Controller } from '@nestjs/common';
import { failureOf } from '@tollgate/testing';
import { z } from 'zod';
import { Handle } from '../src/index.js';
import { ServicesUnderTest } from './service-under-test.js';

const services = new ServicesUnderTest();

beforeAll(() => services.open());
afterEach(() => services.stopReplicas());
afterAll(() => services.close());

describe('a request that fails', () => {
  const echoIn = (service: string) =>
    request(`${service}.echo`, { input: z.object({ n: z.number() }), output: z.object({ n: z.number() }) });

  it('brings an AppError of the handler to the caller with code, message, param and details', async () => {
    const echo = echoIn(services.newName());
    @Controller()
    class FailingHandler {
      @Handle(echo)
      echo(): never {
        throw new AppError('context_length_exceeded', 'Too long.', {
          param: 'text',
          details: { limit: 5 },
          cause: new Error('secret'),
        });
      }
    }
    await services.serve([echo], [FailingHandler]);
    const error = await failureOf(services.messages.send(echo, { n: 1 }));
    expect(error).toMatchObject({
      code: 'context_length_exceeded',
      message: 'Too long.',
      param: 'text',
      details: { limit: 5 },
    });
    expect(JSON.stringify(error.toWire())).not.toContain('secret');
  });

  it.each([
    ['an Error', new Error('password=hunter2')],
    ['a string', 'hunter2'],
    ['undefined', undefined],
  ])('answers "internal" and nothing more when the handler throws %s', async (_, thrown) => {
    const echo = echoIn(services.newName());
    @Controller()
    class ThrowingHandler {
      @Handle(echo)
      echo(): never {
        throw thrown;
      }
    }
    await services.serve([echo], [ThrowingHandler]);
    const error = await failureOf(services.messages.send(echo, { n: 1 }));
    expect(error.code).toBe('internal');
    expect(error.message).not.toContain('hunter2');
  });

  it('is refused with the path of the field when its data does not fit the contract', async () => {
    const echo = echoIn(services.newName());
    let started = false;
    @Controller()
    class EchoHandler {
      @Handle(echo)
      echo() {
        started = true;
      }
    }
    await services.serve([echo], [EchoHandler]);
    const error = await failureOf(services.messages.send(echo, JSON.parse('{"n":"one"}')));
    expect(error).toMatchObject({ code: 'invalid_request', param: 'n' });
    expect(started).toBe(false);
  });
});
