import { attemptUsage } from './attempt-usage.js';

const counted = () => ({ input: 11, output: 22 });

describe('the tokens of an attempt', () => {
  it('are the provider’s own, with what was cached and what was reasoning as parts of them', () => {
    expect(attemptUsage({ input: 10, cached: 4, output: 20, reasoning: 15 }, counted)).toEqual({
      input_tokens: 10,
      cached_tokens: 4,
      output_tokens: 20,
      reasoning_tokens: 15,
      source: 'provider',
    });
  });

  it('never have more cached than were sent, or more reasoning than was written', () => {
    const usage = attemptUsage({ input: 10, cached: 99, output: 20, reasoning: 99 }, counted);
    expect(usage).toMatchObject({ cached_tokens: 10, reasoning_tokens: 20 });
  });

  it('have their reasoning counted by us where the provider does not tell, and are the provider’s all the same', () => {
    const usage = attemptUsage({ input: 10, output: 20 }, counted, () => 7);
    expect(usage).toMatchObject({ output_tokens: 20, reasoning_tokens: 7, source: 'provider' });
    expect(attemptUsage({ input: 10, output: 20 }, counted)).not.toHaveProperty('reasoning_tokens');
  });

  it('are ours as soon as one count is missing', () => {
    expect(attemptUsage({ input: 10 }, counted)).toMatchObject({ output_tokens: 22, source: 'tokenizer' });
    expect(attemptUsage({ output: 20 }, counted)).toMatchObject({ input_tokens: 11, source: 'tokenizer' });
  });
});
