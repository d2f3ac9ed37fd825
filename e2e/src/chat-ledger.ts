import { eventually } from '@tollgate/testing';
import type { TestClient } from './client.js';
import type { Stack } from './stack.js';

interface Size {
  input: number;
  output: number;
}

/** What the ledger charged is what the providers served since their last reset, once each. */
export async function expectLedgerToAgree(stack: Stack, clients: TestClient[]): Promise<void> {
  const emails = clients.map(({ email }) => email);
  const callsOf = () => [...stack.local.calls(), ...stack.cloud.calls()];
  const rowsOf = () =>
    stack.query<{ outcome: string; tokens_input: number; tokens_output: number }>(
      `SELECT a.outcome, a.tokens_input, a.tokens_output FROM usage_attempt a JOIN app_user u ON u.id = a.user_id
       WHERE u.email = ANY($1)`,
      [emails],
    );
  const calls = await eventually(callsOf, (all) => all.every(({ outcome }) => outcome !== 'running'), 15_000);
  const rows = await eventually(rowsOf, ({ length }) => length >= calls.length, 15_000);
  expect(rows).toHaveLength(calls.length);
  const charged = rows
    .filter(({ outcome }) => outcome === 'completed')
    .map((row) => ({ input: row.tokens_input, output: row.tokens_output }));
  const served = calls
    .filter(({ outcome }) => outcome === 'completed')
    .map((call) => ({ input: call.promptTokens, output: call.completionTokens }));
  expect(sorted(charged)).toEqual(sorted(served));
}

function sorted(sizes: Size[]): string[] {
  return sizes.map(({ input, output }) => `${input} ${output}`).sort();
}
