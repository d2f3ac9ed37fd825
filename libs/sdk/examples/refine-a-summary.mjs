// A summary that is refined, made anew and forgotten. Run: TOLLGATE_URL=… TOLLGATE_KEY=… node refine-a-summary.mjs
import { createTollgate } from '@tollgate/sdk';

const { textProcessing } = createTollgate({
  baseUrl: process.env.TOLLGATE_URL ?? 'http://localhost:8080',
  apiKey: process.env.TOLLGATE_KEY,
});

const text = 'Tollgate stands between a frontend and its models. It meters every token. It bills each one once.';
const { request_id } = await textProcessing.process({ text, task: 'summary', summary_type: 'bulletwise' });

const refined = await textProcessing.refine(request_id, { user_feedback: 'Make it shorter' });
console.log(`refined ${refined.refinement_count} time: ${refined.refined_output}`);

for await (const part of textProcessing.regenerateStream(request_id, { user_feedback: 'Only about billing' })) {
  if (part.type === 'delta') process.stdout.write(part.delta);
  if (part.type === 'end')
    console.log(`\nregenerated ${part.regeneration_count} time, ${part.usage.output_tokens} tokens`);
}

await textProcessing.extend(request_id, { ttl_seconds: 3_600 });
console.log(`kept for ${(await textProcessing.get(request_id)).ttl_seconds} s`);
await textProcessing.delete(request_id);
