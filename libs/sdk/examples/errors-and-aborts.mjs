// What can go wrong, and how a call is stopped. Run: TOLLGATE_URL=… TOLLGATE_KEY=… node errors-and-aborts.mjs
import { createTollgate, TollgateError } from '@tollgate/sdk';

const tollgate = createTollgate({
  baseUrl: process.env.TOLLGATE_URL ?? 'http://localhost:8080',
  apiKey: process.env.TOLLGATE_KEY,
  retriesMax: 1,
});

try {
  await tollgate.generateText('Hello', { model: 'no-such-model' });
} catch (error) {
  if (!(error instanceof TollgateError)) throw error;
  console.log(`${error.code} (${error.status}), field ${error.param}: ${error.message}`);
}

// Aborting the call closes the connection of the model, too; what it had written by then is charged.
const controller = new AbortController();
try {
  for await (const token of tollgate.streamText('Tell me a long story', { signal: controller.signal })) {
    process.stdout.write(token);
    controller.abort();
  }
} catch (error) {
  console.log(`\nstopped: ${error.name}`);
}
