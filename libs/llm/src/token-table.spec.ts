import { encode } from './encode.js';
import { isOneToken, tokensAlone, tokenTable } from './token-table.js';

const LLAMA3 = 0;
const QWEN2_5 = 1;
const GEMMA = 3;
const table = tokenTable();

describe('the table of what families make of the tokens of o200k', () => {
  it('says how many tokens one token is', () => {
    const [hello] = encode(' hello');
    const [number] = encode('123');
    expect(tokensAlone(table, LLAMA3, hello ?? 0)).toBe(1);
    expect(tokensAlone(table, LLAMA3, number ?? 0)).toBe(1);
    // They have every digit by itself.
    expect(tokensAlone(table, QWEN2_5, number ?? 0)).toBe(3);
    expect(tokensAlone(table, GEMMA, number ?? 0)).toBe(3);
  });

  it('says which families have two tokens as one', () => {
    // "Teachers": o200k has the ending by itself, Qwen 2.5 has the word.
    const [first, second, ...rest] = encode('老师们');
    expect(rest).toEqual([]);
    expect(isOneToken(table, QWEN2_5, first ?? 0, second ?? 0)).toBe(true);
    expect(isOneToken(table, LLAMA3, first ?? 0, second ?? 0)).toBe(false);
    expect(isOneToken(table, QWEN2_5, second ?? 0, first ?? 0)).toBe(false);
  });

  it('knows fewer than one in 100 of all pairs as one token, whatever the pair', () => {
    const asked = 20_000;
    const ids = Array.from({ length: asked }, (_, index) => [(index * 7_919) % 199_998, (index * 104_729) % 199_998]);
    const joined = ids.filter(([first, second]) => isOneToken(table, GEMMA, first ?? 0, second ?? 0));
    expect(joined.length).toBeLessThan(asked / 100);
  });

  it('counts an unknown token as one', () => {
    expect(tokensAlone(table, GEMMA, 250_000)).toBe(1);
  });
});
