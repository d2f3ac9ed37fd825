import { chatNotFound, dispatchNotFound, schemaNotFound, type AppError } from '@tollgate/contracts';
import type { PipeTransform } from '@nestjs/common';
import { z } from 'zod';

const Id = z.uuid();

/** What is no id cannot exist: the same answer as for an id that does not. */
function existingId(notFound: () => AppError) {
  return class implements PipeTransform<string, string> {
    transform(value: string): string {
      const id = Id.safeParse(value);
      if (!id.success) throw notFound();
      return id.data;
    }
  };
}

export const ExistingId = existingId(chatNotFound);
export const ExistingSchemaId = existingId(schemaNotFound);
export const ExistingDispatchId = existingId(dispatchNotFound);
