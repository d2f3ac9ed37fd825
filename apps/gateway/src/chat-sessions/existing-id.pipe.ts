import { chatNotFound } from '@tollgate/contracts';
import type { PipeTransform } from '@nestjs/common';
import { z } from 'zod';

const Id = z.uuid();

/** What is no id cannot exist: the same answer as for an id that does not. */
export class ExistingId implements PipeTransform<string, string> {
  transform(value: string): string {
    const id = Id.safeParse(value);
    if (!id.success) throw chatNotFound();
    return id.data;
  }
}
