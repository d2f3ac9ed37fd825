// The functions of the text-processing service's SDK. Run: TOLLGATE_URL=… TOLLGATE_KEY=… node text-functions.mjs
import { createTollgate, estimateTokens } from '@tollgate/sdk';

const tollgate = createTollgate({
  baseUrl: process.env.TOLLGATE_URL ?? 'http://localhost:8080',
  apiKey: process.env.TOLLGATE_KEY,
});
const prompt = 'Summarize this text: Tollgate meters every token.';

// Whole.
console.log(await tollgate.generateText(prompt));

// Whole, with the documented log lines.
await tollgate.generateTextWithLogging({ prompt, model: 'gemma3:4b', task: 'summary' });

// As the model writes it.
for await (const token of tollgate.streamText(prompt)) process.stdout.write(token);
process.stdout.write('\n');

// Does it fit?
const usage = (100 * estimateTokens(prompt)) / (await tollgate.getModelContextLength('gemma3:4b'));
console.log(usage < 100 ? `fits: ${usage.toFixed(1)}% of the context` : 'too long');
