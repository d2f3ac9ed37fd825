import {
  AppError,
  type Caller,
  type ChatSchemaList,
  type CreateChatSchemaRequest,
  type RegisteredChatSchema,
} from '@tollgate/contracts';
import { Database, Prisma, type ChatSchema } from '@tollgate/database';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';

/** So that a list of them fits into one message, and nobody stores files here. */
const SCHEMA_CHARACTERS_MAX = 20_000;
const SCHEMAS_MAX = 100;
const VERSION_TRIES = 3;

const JsonObject = z.record(z.string(), z.json());

/** The schemas of an account for the JSON that its other APIs take. */
@Injectable()
export class ChatSchemas {
  constructor(private readonly database: Database) {}

  /** Two who create the next version at once get one each. */
  async create(body: CreateChatSchemaRequest, caller: Caller): Promise<RegisteredChatSchema> {
    const schema = JsonObject.parse(body.schema);
    if (JSON.stringify(schema).length > SCHEMA_CHARACTERS_MAX) {
      const message = `schema: must have at most ${SCHEMA_CHARACTERS_MAX} characters as JSON`;
      throw new AppError('invalid_request', message, { param: 'schema' });
    }
    const { account_id: accountId } = caller;
    for (let attempt = 1; ; attempt += 1) {
      const latest = await this.latest(body.name, accountId);
      if (!latest) await this.refuseTooMany(accountId);
      const { name, description, target } = body;
      const row = { id: uuidv7(), accountId, name, description, target, schema, version: (latest?.version ?? 0) + 1 };
      try {
        return shapeOf(await this.database.chatSchema.create({ data: row }));
      } catch (error) {
        if (!isTaken(error) || attempt >= VERSION_TRIES) throw error;
      }
    }
  }

  async list({ account_id: accountId }: Caller): Promise<ChatSchemaList> {
    const rows = await this.database.chatSchema.findMany({
      where: { accountId },
      distinct: ['name'],
      orderBy: [{ name: 'asc' }, { version: 'desc' }],
      take: SCHEMAS_MAX,
    });
    return { data: rows.map(shapeOf) };
  }

  async get(schemaId: string, { account_id: accountId }: Caller): Promise<RegisteredChatSchema> {
    const row = await this.database.chatSchema.findFirst({ where: { id: schemaId, accountId } });
    if (!row) throw schemaNotFound();
    return shapeOf(row);
  }

  /** The latest version of a name, or the very one of an id. */
  async find(nameOrId: string, caller: Caller): Promise<RegisteredChatSchema> {
    if (z.uuid().safeParse(nameOrId).success) return this.get(nameOrId, caller);
    const row = await this.latest(nameOrId, caller.account_id);
    if (!row) throw schemaNotFound();
    return shapeOf(row);
  }

  async delete(schemaId: string, { account_id: accountId }: Caller): Promise<{ schema_id: string }> {
    const { count } = await this.database.chatSchema.deleteMany({ where: { id: schemaId, accountId } });
    if (count === 0) throw schemaNotFound();
    return { schema_id: schemaId };
  }

  private latest(name: string, accountId: string): Promise<ChatSchema | null> {
    return this.database.chatSchema.findFirst({ where: { accountId, name }, orderBy: { version: 'desc' } });
  }

  private async refuseTooMany(accountId: string): Promise<void> {
    const names = await this.database.chatSchema.findMany({
      where: { accountId },
      distinct: ['name'],
      select: { id: true },
    });
    if (names.length < SCHEMAS_MAX) return;
    throw new AppError('invalid_request', `An account may have at most ${SCHEMAS_MAX} schemas.`, { param: 'name' });
  }
}

function schemaNotFound(): AppError {
  return new AppError('not_found', 'There is no such schema.');
}

function isTaken(error: unknown): boolean {
  return error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002';
}

function shapeOf(row: ChatSchema): RegisteredChatSchema {
  return {
    schema_id: row.id,
    name: row.name,
    version: row.version,
    description: row.description,
    target: row.target,
    schema: JsonObject.parse(row.schema),
    created_at: row.createdAt.toISOString(),
  };
}
