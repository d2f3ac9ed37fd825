import { Injectable } from '@nestjs/common';
import { SchemaJudge } from './schema-judge.service.js';
import { checkSchemaLimits, refusal, SCHEMA_PARAM } from './schema-limits.js';

export interface CheckedJson {
  /** Empty: it is valid. */
  problems: string[];
  /** Nobody can say whether it is valid: asking for another value would not help. */
  isFinal?: boolean;
}

/** Whether a schema of a caller can be used, and whether JSON is valid by it. */
@Injectable()
export class JsonChecks {
  constructor(private readonly judge: SchemaJudge) {}

  /** The schema as text. Raises `invalid_request`, which calls the schema `param`. */
  async usable(schema: Record<string, unknown>, accountId: string, param = SCHEMA_PARAM): Promise<string> {
    checkSchemaLimits(schema, param);
    const text = JSON.stringify(schema);
    const judged = await this.judge.judge({ schema: text }, accountId);
    if (judged.verdict === 'too_costly') throw refusal('takes too long or too much memory to compile', param);
    if (judged.verdict === 'bad_schema') {
      throw refusal(`is not a usable JSON schema: ${judged.problems.join('; ')}`, param);
    }
    return text;
  }

  /** @param schema a usable one, as text */
  async check(schema: string, json: string, accountId: string): Promise<CheckedJson> {
    const judged = await this.judge.judge({ schema, json }, accountId);
    if (judged.verdict === 'valid') return { problems: [] };
    if (judged.verdict === 'invalid') return { problems: judged.problems };
    return { problems: ['could not be checked: the schema takes too long or too much memory'], isFinal: true };
  }
}
