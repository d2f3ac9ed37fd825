import { joinDeltas } from './join-deltas.js';
import type { ProviderEvent } from './provider.js';

describe('joinDeltas', () => {
  it('joins neighbours of one kind and keeps the order of everything', () => {
    const call: ProviderEvent = { type: 'tool_call', index: 0, id: 'a', name: 'f', arguments: '{}' };
    const end: ProviderEvent = { type: 'end', finishReason: 'stop' };
    expect([
      ...joinDeltas([
        { type: 'reasoning', text: 'Let ' },
        { type: 'reasoning', text: 'me see.' },
        { type: 'delta', text: 'Yes' },
        { type: 'delta', text: ', ' },
        { type: 'delta', text: 'it is.' },
        call,
        { type: 'delta', text: 'Or not.' },
        end,
      ]),
    ]).toEqual([
      { type: 'reasoning', text: 'Let me see.' },
      { type: 'delta', text: 'Yes, it is.' },
      call,
      { type: 'delta', text: 'Or not.' },
      end,
    ]);
  });

  it('hands out what came before a failure', () => {
    function* failing(): Generator<ProviderEvent> {
      yield { type: 'delta', text: 'To' };
      yield { type: 'delta', text: 'll' };
      throw new Error('cut');
    }
    const joined = joinDeltas(failing());
    expect(joined.next().value).toEqual({ type: 'delta', text: 'Toll' });
    expect(() => joined.next()).toThrow('cut');
  });
});
