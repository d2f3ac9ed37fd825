import type { ChatMessage } from '@tollgate/contracts';
import { withoutLooseCalls } from './remembered-messages.js';

const user: ChatMessage = { role: 'user', content: 'Join them' };
const calling = (content: string, ...ids: string[]): ChatMessage => ({
  role: 'assistant',
  content,
  tool_calls: ids.map((id) => ({ id, type: 'function', function: { name: 'join', arguments: '{}' } })),
});
const result = (id: string): ChatMessage => ({ role: 'tool', tool_call_id: id, content: 'done' });

describe('a conversation as a provider takes it', () => {
  it('has calls with all of their results, in any order, as they were', () => {
    const whole = [user, calling('', 'a', 'b'), result('b'), result('a'), user];
    expect(withoutLooseCalls(whole)).toEqual(whole);
  });

  it.each([
    ['calls that nobody answered', [user, calling('I will.', 'a'), user]],
    ['calls of which one was not answered', [user, calling('I will.', 'a', 'b'), result('a'), user]],
    ['results of other calls', [user, calling('I will.', 'a'), result('b'), user]],
  ])('has no %s, but what was said beside them', (_what, messages) => {
    expect(withoutLooseCalls(messages)).toEqual([user, { role: 'assistant', content: 'I will.' }, user]);
  });

  it('has no results whose calls did not fit, and no message that says nothing', () => {
    expect(withoutLooseCalls([result('a'), user, calling('', 'b'), user])).toEqual([user, user]);
  });
});
