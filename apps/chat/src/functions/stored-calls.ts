import { ChatToolResult, ToolCall } from '@tollgate/contracts';
import { z } from 'zod';

/** As a message has them in Postgres: the calls that an answer ends with, and what came of the ones before. */
export const StoredCalls = z.array(ToolCall).nullable();
export const StoredResults = z.array(ChatToolResult).nullable();
