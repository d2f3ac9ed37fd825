import { invalidRequest } from '@tollgate/contracts';
import { StandardSchemaValidationPipe, type ArgumentMetadata, type PipeTransform } from '@nestjs/common';

const validationOf = (location: string) =>
  new StandardSchemaValidationPipe({ exceptionFactory: (issues) => invalidRequest(issues, location) });

/** By Nest's word for where an argument comes from: pipes that name the place as clients of FastAPI know it. */
const validations = {
  body: validationOf('body'),
  query: validationOf('query'),
  param: validationOf('path'),
  custom: validationOf('body'),
};

/** Parses what a route takes by its schema; what does not fit is a 400 that names the first wrong field. */
export class RequestValidation implements PipeTransform {
  transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    return validations[metadata.type].transform(value, metadata);
  }
}
