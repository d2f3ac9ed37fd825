import { csvField } from './usage-export.js';

describe('a field of a CSV', () => {
  it.each([
    ['gemma3:4b', 'gemma3:4b'],
    ['a,b', '"a,b"'],
    ['say "hi"\n', '"say ""hi""\n"'],
    ['=HYPERLINK("http://evil")', `"'=HYPERLINK(""http://evil"")"`],
    ['-1+1', "'-1+1"],
    ['-12', '-12'],
  ])('%p is written as %p', (value, written) => {
    expect(csvField(value)).toBe(written);
  });
});
