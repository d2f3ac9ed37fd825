import { Counter, Gauge, Histogram } from 'prom-client';

const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export const metrics = {
  turns: new Counter({
    name: 'tollgate_chat_turns_total',
    help: 'Turns of chat sessions, by how they ended; withdrawn ones never had an answer and left nothing',
    labelNames: ['outcome'],
  }),
  answersRunning: new Gauge({
    name: 'tollgate_chat_answers_running',
    help: 'Answers being written by this replica',
  }),
  lockWait: new Histogram({
    name: 'tollgate_chat_lock_wait_seconds',
    help: 'How long a turn waited for the one before it',
    buckets: secondsBuckets,
  }),
  contextLoad: new Histogram({
    name: 'tollgate_chat_context_load_seconds',
    help: 'Reading what a prompt is made of, without summaries',
    buckets: secondsBuckets,
  }),
  promptTokens: new Histogram({
    name: 'tollgate_chat_prompt_tokens',
    help: 'Tokens of the prompt of a turn, as counted here',
    buckets: [64, 256, 1_024, 4_096, 8_192, 16_384, 32_768, 131_072],
  }),
  summaries: new Counter({
    name: 'tollgate_chat_summaries_total',
    help: 'Summaries of what fell out of a prompt',
    labelNames: ['outcome'],
  }),
  recovered: new Counter({
    name: 'tollgate_chat_answers_recovered_total',
    help: 'Answers whose replica died, kept as far as they were written',
  }),
  functionCalls: new Counter({
    name: 'tollgate_chat_function_calls_total',
    help: 'Calls of functions that models asked for; refused ones were told to the model and went no further',
    labelNames: ['outcome'],
  }),
  dispatches: new Counter({
    name: 'tollgate_chat_dispatch_attempts_total',
    help: 'Attempts to post a generated object to its API',
    labelNames: ['outcome'],
  }),
  sessionsExpired: new Counter({
    name: 'tollgate_chat_sessions_expired_total',
    help: 'Sessions deleted at the end of their retention',
  }),
};
