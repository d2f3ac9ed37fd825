import { jsonInText } from './json-in-text.js';

describe('the JSON in what a model wrote', () => {
  it.each([
    ['nothing but JSON', '{"a":1}', '{"a":1}'],
    ['a fence', '```json\n{"a":1}\n```', '{"a":1}'],
    ['chatter', 'Sure! Here it is: {"a":[1,{"b":"}"}]} Hope this helps.', '{"a":[1,{"b":"}"}]}'],
    ['thoughts with a draft', '<think>maybe {"a":0}?</think>{"a":1}', '{"a":1}'],
    ['braces that are no JSON', 'use {name} like this: {"a":"\\"{"}', '{"a":"\\"{"}'],
  ])('is found in %s', (_, text, json) => {
    expect(jsonInText(text)).toEqual({ json });
  });

  it.each([
    ['a truncated object', '{"a":1,"b'],
    ['a truncated object around a whole one', '{"items":[{"a":1},{"a":'],
    ['a fence that was cut', '```json\n{"a":1,'],
    ['two values', '{"a":1} or {"a":2}'],
    ['single quotes', "{'a':1}"],
    ['prose', 'I cannot do that.'],
    ['a bare number', '5'],
    ['nothing', '  '],
    ['a number that becomes Infinity', '{"a":[1e999]}'],
    ['nesting that no stack could walk', '['.repeat(20_000) + ']'.repeat(20_000)],
  ])('is never made up from %s', (_, text) => {
    expect(jsonInText(text)).toHaveProperty('problem');
  });

  it('is given up after a few brackets, so that a text of nothing else costs little', () => {
    expect(jsonInText('{['.repeat(200_000))).toHaveProperty('problem');
  });
});
