import { checkJson, isDeeperThan, JSON_LEVELS_MAX, type ChatGraph, type ToolCall } from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { Injectable } from '@nestjs/common';
import { brokenReferences } from '../generation/graph-references.js';
import type { OfferedFunctions } from './function-offers.service.js';

const PROBLEMS_MAX = 20;

/** Whether the calls that a model asks for can be made: by the schema of each function, and against the session's graph. */
@Injectable()
export class FunctionCalls {
  constructor(private readonly messages: Messages) {}

  /** What is wrong, for each call; empty lists when nothing is. */
  problemsOf(calls: readonly ToolCall[], offered: OfferedFunctions, graph: ChatGraph | undefined): Promise<string[][]> {
    return Promise.all(calls.map(async (call) => (await this.problems(call, offered, graph)).slice(0, PROBLEMS_MAX)));
  }

  private async problems(
    { function: { name, arguments: json } }: ToolCall,
    { tools }: OfferedFunctions,
    graph: ChatGraph | undefined,
  ): Promise<string[]> {
    const tool = tools.find((offered) => offered.function.name === name);
    if (!tool) return [`there is no function ${JSON.stringify(name)}`];
    const value = objectOf(json);
    if (value === undefined) return ['the arguments are not a JSON object'];
    if (isDeeperThan(value, JSON_LEVELS_MAX)) return [`the arguments are nested deeper than ${JSON_LEVELS_MAX} levels`];
    const { parameters: schema } = tool.function;
    const param = `tools.${name}`;
    const checked = schema ? await this.messages.send(checkJson, { schema, json, param }) : { problems: [] };
    return checked.problems.length > 0 || !graph ? checked.problems : brokenReferences(value, graph);
  }
}

/** Undefined for what is cut off or no object: nothing is ever added to what a model wrote. */
function objectOf(json: string): object | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
