import { AppError, invalidRequest, isDeeperThan, JSON_LEVELS_MAX, WebSocketClientFrame } from '@tollgate/contracts';
import { z } from 'zod';
import { parseJson } from '../http/parse-json.js';

/** What was said, or why it cannot be understood, with the `ref` to answer to where there is one. */
export type ReadFrame = { frame: WebSocketClientFrame } | { error: AppError; ref: string | undefined };

const Referring = z.object({ ref: z.string().max(64) });

export function readClientFrame(text: string): ReadFrame {
  const json = parseJson(text);
  if (json === undefined) return { error: refused('The frame is malformed JSON.'), ref: undefined };
  if (isDeeperThan(json, JSON_LEVELS_MAX)) {
    return { error: refused(`The frame is nested deeper than ${JSON_LEVELS_MAX} levels.`), ref: undefined };
  }
  const { success, data, error } = WebSocketClientFrame.safeParse(json);
  if (success) return { frame: data };
  return { error: invalidRequest(error.issues, 'frame'), ref: Referring.safeParse(json).data?.ref };
}

function refused(message: string): AppError {
  return new AppError('invalid_request', message);
}
