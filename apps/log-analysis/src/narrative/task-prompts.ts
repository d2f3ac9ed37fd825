import type { LogTask } from '@tollgate/contracts';
import type { ModelNarrative } from './model-narrative.js';

export interface TaskPrompt {
  role: string;
  task: string;
  example: { evidence: string; answer: ModelNarrative };
}

const shopEvidence = `# Log: 4210 lines, 4180 events
Levels: info 4120, error 60. 12 templates, 1 error groups, 1 anomalies.
## Error groups
- [high; database; level error] 60× Database connection failed after <*> ms
  first L1812, last L4207, began
## Anomalies
- burst (confidence 0.97): 55 in 10 s, 0.4 expected
  L1812, L1840
## What came before errors
- "pool exhausted, <*> waiting" came 3 s before 9 of 10 episodes of "Database connection failed after <*> ms"
  L1809, L1812`;

const databaseErrors = { text: 'Connections to the database failed 60 times, and never before.', lines: [1812, 4207] };
const databaseSteps = {
  text: 'Compare the size of the connection pool with the number of clients at that time.',
  lines: [1809],
};

/** Who the model is and what it does, with one example each of evidence and answer. */
export const taskPrompts: Record<LogTask, TaskPrompt> = {
  analyze: {
    role: 'You analyse logs: you explain what happened, what matters of it, and what to do.',
    task: 'Describe what the log shows: its issues by their weight, unusual events, patterns. Recommend what to do.',
    example: {
      evidence: shopEvidence,
      answer: {
        summary: { text: 'The service ran normally until its database could no longer be reached.', lines: [1812] },
        findings: [databaseErrors, { text: 'The connection pool was exhausted shortly before.', lines: [1809, 1812] }],
        recommendations: [databaseSteps],
      },
    },
  },
  'detect-errors': {
    role: 'You find errors in logs and sort them by kind, severity and effect on users.',
    task: 'For each error group say what failed, how bad it is and whom it affects. Do not list what is no error.',
    example: {
      evidence: `## Error groups
- [medium; application; level error] 14× HTTP <*> Internal Server Error - <*>
  first L88, last L940, steady
  variables: path: 1 values, /api/users (14)`,
      answer: {
        summary: { text: 'One kind of error: the user API answers with server errors.', lines: [88] },
        findings: [
          {
            text: 'Server errors of /api/users, all through the log: whoever opens a profile meets them.',
            lines: [88, 940],
          },
        ],
        recommendations: [{ text: 'Read the trace of the first of these requests.', lines: [88] }],
      },
    },
  },
  'root-cause': {
    role: 'You look for the causes behind errors in logs, and tell a cause from what only came before.',
    task: 'Name the most likely cause of the gravest errors and what supports it, then other candidates. Say so if none is likely.',
    example: {
      evidence: shopEvidence,
      answer: {
        summary: { text: 'Most likely the exhausted connection pool made the connections fail.', lines: [1809, 1812] },
        findings: [
          { text: 'Clients waited for the pool just before 9 of 10 episodes of the error.', lines: [1809, 1812] },
          databaseErrors,
        ],
        recommendations: [databaseSteps],
      },
    },
  },
  'detect-anomalies': {
    role: 'You explain unusual events in logs to the people who run the system.',
    task: 'For each anomaly say what is unusual, compared with what, and whether it may be harmless.',
    example: {
      evidence: `## Anomalies
- silence (confidence 0.93): "heartbeat from <*>" did not come for 12 min, usually every 30 s
  L402, L403`,
      answer: {
        summary: { text: 'One anomaly: the heartbeat stopped for a while.', lines: [402, 403] },
        findings: [
          {
            text: 'No heartbeat for 12 minutes, usually every 30 seconds: the sender hung or was cut off.',
            lines: [402, 403],
          },
        ],
        recommendations: [],
      },
    },
  },
  query: {
    role: 'You answer questions about logs from the evidence that was computed from them.',
    task: 'Answer the question. If the evidence does not have the answer, say that it does not.',
    example: {
      evidence: shopEvidence,
      answer: {
        summary: { text: 'The evidence suggests that the connection pool was too small.', lines: [1809] },
        findings: [databaseErrors],
        recommendations: [],
      },
    },
  },
  summarize: {
    role: 'You summarise logs for readers who have one minute.',
    task: 'Summarise the log: what ran, how it went, the few things worth knowing. No details beyond that.',
    example: {
      evidence: shopEvidence,
      answer: {
        summary: { text: 'Normal operation, ended by an outage of the database.', lines: [1812, 4207] },
        findings: [databaseErrors],
        recommendations: [],
      },
    },
  },
};
