import { checkJson, isDeeperThan, JSON_LEVELS_MAX, type ChatGraph, type ToolCall } from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { Injectable } from '@nestjs/common';
import { brokenReferences } from '../generation/graph-references.js';
import type { OfferedFunctions } from './function-offers.service.js';

const PROBLEMS_MAX = 20;

interface JudgedCall {
  problems: string[];
  /** Nobody can say whether it is valid: another call would be no better. */
  isFinal: boolean;
}

/** What is wrong, for each call; empty lists when nothing is. */
export interface JudgedCalls {
  problems: string[][];
  isFinal: boolean;
}

/** Whether the calls that a model asks for can be made: by the schema of each function, and against the session's graph. */
@Injectable()
export class FunctionCalls {
  constructor(private readonly messages: Messages) {}

  async judge(
    calls: readonly ToolCall[],
    offered: OfferedFunctions,
    graph: ChatGraph | undefined,
  ): Promise<JudgedCalls> {
    const judged = await Promise.all(calls.map((call) => this.judgeOne(call, offered, graph)));
    return {
      problems: judged.map(({ problems }) => problems.slice(0, PROBLEMS_MAX)),
      isFinal: judged.some(({ isFinal }) => isFinal),
    };
  }

  private async judgeOne(
    { function: { name, arguments: json } }: ToolCall,
    { tools }: OfferedFunctions,
    graph: ChatGraph | undefined,
  ): Promise<JudgedCall> {
    const tool = tools.find((offered) => offered.function.name === name);
    if (!tool) return wrong(`there is no function ${JSON.stringify(name)}`);
    const value = objectOf(json);
    if (value === undefined) return wrong('the arguments are not a JSON object');
    if (isDeeperThan(value, JSON_LEVELS_MAX)) {
      return wrong(`the arguments are nested deeper than ${JSON_LEVELS_MAX} levels`);
    }
    const { parameters: schema } = tool.function;
    const checked = schema && (await this.messages.send(checkJson, { schema, json, param: `tools.${name}` }));
    if (checked && checked.problems.length > 0) return { problems: checked.problems, isFinal: checked.is_final };
    return { problems: graph ? brokenReferences(value, graph) : [], isFinal: false };
  }
}

function wrong(problem: string): JudgedCall {
  return { problems: [problem], isFinal: false };
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
