import { answers, requests } from './openapi.js';
import { examples } from './openapi-examples.js';

it.each(Object.entries({ ...requests, ...answers }))('the example of %s is what its schema takes', (name, schema) => {
  expect(schema.safeParse(examples[name]).error).toBeUndefined();
});

it('there is no example of anything else', () => {
  expect(Object.keys({ ...requests, ...answers })).toEqual(expect.arrayContaining(Object.keys(examples)));
});
