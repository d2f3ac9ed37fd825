import {
  AppError,
  checkJson,
  Tool,
  ToolChoice,
  type Caller,
  type ChatFunction,
  type RegisteredChatSchema,
} from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { ChatSchemas } from '../generation/chat-schemas.service.js';

/** Of all of them as JSON: they are stored with every answer that had them, and take room in its prompt. */
const CHARACTERS_MAX = 100_000;

/** Functions that a model may call in one answer, as they are stored with it. */
export const OfferedFunctions = z.object({ tools: z.array(Tool).min(1), tool_choice: ToolChoice.optional() });
export type OfferedFunctions = z.infer<typeof OfferedFunctions>;

const FunctionName = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);

/** What a message offers the model to call: schemas of the registry, or functions that it brings itself. */
@Injectable()
export class FunctionOffers {
  constructor(
    private readonly messages: Messages,
    private readonly schemas: ChatSchemas,
  ) {}

  /** Raises `invalid_request` for what cannot be offered, before anybody is asked; `not_found` for an unknown schema. */
  async resolve(
    functions: readonly ChatFunction[] | null | undefined,
    choice: ToolChoice | null | undefined,
    caller: Caller,
  ): Promise<OfferedFunctions | undefined> {
    if (!functions?.length) {
      if (!choice || choice === 'auto' || choice === 'none') return undefined;
      throw new AppError('invalid_request', 'tool_choice: needs tools to choose from', { param: 'tool_choice' });
    }
    const tools = await Promise.all(
      functions.map(async (offered) =>
        typeof offered === 'string' ? toolOf(await this.schemas.find(offered, caller)) : offered,
      ),
    );
    const names = tools.map((tool) => tool.function.name);
    const problem = problemOf(tools, names, choice);
    if (problem) throw new AppError('invalid_request', `tools: ${problem}`, { param: 'tools' });
    await Promise.all(
      tools.map(async ({ function: { parameters: schema } }, index) => {
        if (!schema) return;
        await this.messages.send(checkJson, { schema, param: `tools.${index}.function.parameters` });
      }),
    );
    return { tools, ...(choice && { tool_choice: choice }) };
  }
}

function toolOf({ name, description, schema }: RegisteredChatSchema): Tool {
  return { type: 'function', function: { name, description, parameters: schema } };
}

function problemOf(
  tools: readonly Tool[],
  names: readonly string[],
  choice: ToolChoice | null | undefined,
): string | undefined {
  const wrong = names.find((name) => !FunctionName.safeParse(name).success);
  if (wrong !== undefined) return `${JSON.stringify(wrong)} is not a name of letters, digits, _ and -`;
  if (new Set(names).size < names.length) return 'two functions have the same name';
  if (typeof choice === 'object' && choice && !names.includes(choice.function.name)) {
    return `tool_choice names "${choice.function.name}", which is not offered`;
  }
  return JSON.stringify(tools).length > CHARACTERS_MAX
    ? `must have at most ${CHARACTERS_MAX} characters as JSON`
    : undefined;
}
