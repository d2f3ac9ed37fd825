import { readClientFrame } from './client-frame.js';

describe('a frame of a client', () => {
  it('is read with its defaults, and without what is not known', () => {
    expect(readClientFrame('{"type":"message","ref":"1","message":"Hello","user_id":"x"}')).toEqual({
      frame: { type: 'message', ref: '1', message: 'Hello', temperature: 0.7, structured_output: false },
    });
  });

  it.each([
    ['no JSON', '{"type":"message"', undefined, undefined],
    ['no object', '[1]', undefined, undefined],
    ['a deep object', `${'{"a":'.repeat(70)}1${'}'.repeat(70)}`, undefined, undefined],
    ['no type', '{"ref":"1"}', '1', 'type'],
    ['an unknown type', '{"type":"shout","ref":"1"}', '1', 'type'],
    ['an empty message', '{"type":"message","ref":"1","message":" "}', '1', 'message'],
    ['no ref', '{"type":"message","message":"Hello"}', undefined, 'ref'],
    ['a ref that is too long', `{"type":"ping","ref":"${'1'.repeat(65)}"}`, undefined, 'ref'],
    [
      'a key with a space',
      '{"type":"message","ref":"1","message":"x","idempotency_key":"a b"}',
      '1',
      'idempotency_key',
    ],
    [
      'a negative event',
      '{"type":"session.resume","ref":"1","session_id":"a","message_id":"b","last_event_id":"-1"}',
      '1',
      'last_event_id',
    ],
  ])('with %s is refused by the field, to its ref', (_, text, ref, param) => {
    expect(readClientFrame(text)).toMatchObject({ error: { code: 'invalid_request', param }, ref });
  });
});
