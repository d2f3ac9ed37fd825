import type { Contract } from '@tollgate/contracts';
import { applyDecorators, Catch, UseFilters, type RpcExceptionFilter } from '@nestjs/common';
import { MessagePattern } from '@nestjs/microservices';
import { throwError, type Observable } from 'rxjs';

export const TOLLGATE_TRANSPORT = Symbol.for('tollgate:redis-streams');

/** Nest would replace what a handler throws by "Internal server error"; the transport shapes errors itself. */
@Catch()
class PassErrorsOn implements RpcExceptionFilter {
  catch(thrown: unknown): Observable<never> {
    return throwError(() => thrown);
  }
}

/**
 * Makes a method the handler of a contract. It gets the parsed input as `@Payload()` and a {@link MessageContext} as
 * `@Ctx()`; for a stream contract it returns an AsyncIterable of parts, usually by being an async generator.
 */
export function Handle(contract: Contract): MethodDecorator {
  return applyDecorators(MessagePattern(contract.name, TOLLGATE_TRANSPORT), UseFilters(new PassErrorsOn()));
}
