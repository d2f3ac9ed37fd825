import {
  AppError,
  checkJson,
  schemaNotFound,
  type Caller,
  type ChatSchemaList,
  type CreateChatSchemaRequest,
  type RegisteredChatSchema,
} from '@tollgate/contracts';
import { Database, Prisma, type ChatSchema } from '@tollgate/database';
import { Messages } from '@tollgate/messaging';
import { newWebhookSecret } from '@tollgate/outbound';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';
import { targetUrlOf } from '../dispatch/target-url.js';
import { builtInSchemas } from './built-in-schemas.js';

/** So that a list of them fits into one message, and nobody stores files here. */
const SCHEMA_CHARACTERS_MAX = 20_000;
const SCHEMAS_MAX = 100;
const VERSION_TRIES = 3;

const JsonObject = z.record(z.string(), z.json());

/** The schemas of an account for the JSON that its other APIs take, on top of those that every account has. */
@Injectable()
export class ChatSchemas {
  constructor(
    private readonly database: Database,
    private readonly messages: Messages,
  ) {}

  /** Two who create the next version at once get one each. */
  async create(body: CreateChatSchemaRequest, caller: Caller): Promise<RegisteredChatSchema> {
    // As it came: parsing leaves out what a check would refuse.
    await this.messages.send(checkJson, { schema: body.schema, param: 'schema' });
    const schema = JsonObject.parse(body.schema);
    if (JSON.stringify(schema).length > SCHEMA_CHARACTERS_MAX) {
      const message = `schema: must have at most ${SCHEMA_CHARACTERS_MAX} characters as JSON`;
      throw new AppError('invalid_request', message, { param: 'schema' });
    }
    const { account_id: accountId } = caller;
    const { name, description, target } = body;
    const secret = targetUrlOf(target) === undefined ? undefined : newWebhookSecret();
    for (let attempt = 1; ; attempt += 1) {
      const latest = await this.latest(body.name, accountId);
      if (!latest) await this.refuseTooMany(accountId);
      const version = (latest?.version ?? builtInOf(name)?.version ?? 0) + 1;
      const row = { id: uuidv7(), accountId, name, description, target, secret, schema, version };
      try {
        const created = shapeOf(await this.database.chatSchema.create({ data: row }));
        return secret === undefined ? created : { ...created, signing_secret: secret };
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
    const own = rows.map(shapeOf);
    const others = builtInSchemas.filter(({ name }) => !own.some((schema) => schema.name === name));
    return { data: [...own, ...others].toSorted((a, b) => (a.name < b.name ? -1 : 1)) };
  }

  async get(schemaId: string, { account_id: accountId }: Caller): Promise<RegisteredChatSchema> {
    const builtIn = builtInSchemas.find(({ schema_id: id }) => id === schemaId);
    if (builtIn) return builtIn;
    const row = await this.database.chatSchema.findFirst({ where: { id: schemaId, accountId } });
    if (!row) throw schemaNotFound();
    return shapeOf(row);
  }

  /** The latest version of a name, or the very one of an id. */
  async find(nameOrId: string, caller: Caller): Promise<RegisteredChatSchema> {
    if (z.uuid().safeParse(nameOrId).success) return this.get(nameOrId, caller);
    const row = await this.latest(nameOrId, caller.account_id);
    const found = row ? shapeOf(row) : builtInOf(nameOrId);
    if (!found) throw schemaNotFound();
    return found;
  }

  /** What signs the objects that are posted to its target; undefined when that is no URL. */
  async secretOf({ schema_id: id }: RegisteredChatSchema, { account_id: accountId }: Caller) {
    const row = await this.database.chatSchema.findFirst({ where: { id, accountId }, select: { secret: true } });
    return row?.secret ?? undefined;
  }

  async delete(schemaId: string, { account_id: accountId }: Caller): Promise<{ schema_id: string }> {
    if (builtInSchemas.some(({ schema_id: id }) => id === schemaId)) {
      throw new AppError('forbidden', 'This schema is built in and cannot be deleted.');
    }
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

function builtInOf(name: string): RegisteredChatSchema | undefined {
  return builtInSchemas.find((schema) => schema.name === name);
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
    built_in: false,
    created_at: row.createdAt.toISOString(),
  };
}
