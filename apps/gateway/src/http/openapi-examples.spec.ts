import * as contracts from '@tollgate/contracts';
import { z } from 'zod';
import { examples } from './openapi-examples.js';

const schemas = new Map<string, unknown>(Object.entries(contracts));

it.each(Object.entries(examples))('the example of %s is what its schema takes', (name, example) => {
  const schema = schemas.get(name);
  if (!(schema instanceof z.ZodType)) throw new Error(`${name} is no schema`);
  expect(schema.safeParse(example).error).toBeUndefined();
});
