import { Conversation } from './conversation.js';

const words = (count: number) => 'word '.repeat(count).trim();

describe('the conversation of a connection', () => {
  it('keeps the newest exchanges that fit, whole, in their order', () => {
    const conversation = new Conversation(500);
    for (let turn = 0; turn < 20; turn += 1) conversation.add(`question ${turn} ${words(40)}`, `answer ${turn}`);
    const kept = conversation.messages;
    expect(kept.length).toBeGreaterThan(4);
    expect(kept.length).toBeLessThan(40);
    expect(kept.map(({ role }) => role)).toEqual(kept.map((_, index) => (index % 2 === 0 ? 'user' : 'assistant')));
    expect(kept.at(-1)?.content).toBe('answer 19');
    const first = 20 - kept.length / 2;
    expect(kept[0]?.content).toMatch(`question ${first} `);
  });

  it('keeps nothing of an exchange that is too large alone', () => {
    const conversation = new Conversation(100);
    conversation.add('short', 'short');
    conversation.add(words(5_000), 'short');
    expect(conversation.messages).toEqual([]);
    conversation.add('next', 'answer');
    expect(conversation.messages.map(({ content }) => content)).toEqual(['next', 'answer']);
  });

  it('gives way to a long question, and comes back for a short one', () => {
    const conversation = new Conversation(500);
    for (let turn = 0; turn < 4; turn += 1) conversation.add(words(40), words(40));
    expect(conversation.before('short')).toHaveLength(8);
    expect(conversation.before(words(380))).toHaveLength(2);
    expect(conversation.before(words(5_000))).toEqual([]);
    expect(conversation.before('short')).toHaveLength(8);
  });

  it('forgets all when it is cleared', () => {
    const conversation = new Conversation(100);
    conversation.add('a', 'b');
    conversation.clear();
    expect(conversation.messages).toEqual([]);
  });
});
