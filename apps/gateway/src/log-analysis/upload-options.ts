import { AnalysisOptions, invalidRequest, LogTask } from '@tollgate/contracts';
import { z } from 'zod';

const { max_tokens: tokensMax, temperature } = AnalysisOptions.shape;
const number = (pattern: RegExp) => z.string().regex(pattern, 'must be a number').transform(Number);

/** What can be said of an uploaded log, as text: fields of a form, or parameters of the query string. */
export const UploadOptions = z.strictObject({
  ...AnalysisOptions.shape,
  max_tokens: number(/^\d{1,9}$/)
    .pipe(tokensMax.unwrap().unwrap())
    .optional(),
  temperature: number(/^\d(\.\d+)?$/)
    .pipe(temperature.unwrap())
    .default(0.3),
  structured_output: z.stringbool('must be true or false').default(true),
});

export const JobOptions = UploadOptions.extend({ task: LogTask.optional() });
export type JobOptions = z.infer<typeof JobOptions>;

/** Raises `invalid_request` with the name of what is wrong or not known; `task` is known for jobs only. */
export function parseUploadOptions(given: Record<string, unknown>, use: 'answer' | 'job'): JobOptions {
  const parsed = (use === 'job' ? JobOptions : UploadOptions).safeParse(given);
  if (!parsed.success) throw invalidRequest(parsed.error.issues.map(named), 'query');
  return parsed.data;
}

/** Of a request whose options stand in its JSON body: a parameter would be overlooked. */
export function refuseParameters(query: unknown): void {
  const parsed = z.strictObject({}).safeParse(query ?? {});
  if (!parsed.success) throw invalidRequest(parsed.error.issues.map(named), 'query');
}

/** zod names what it does not know in the message only. */
function named(issue: z.core.$ZodIssue): { path: PropertyKey[]; message: string } {
  if (issue.code !== 'unrecognized_keys') return issue;
  return { path: [...issue.path, ...issue.keys.slice(0, 1)], message: 'is not known here' };
}
