import { eventually } from '@tollgate/testing';
import type { TestClient } from './client.js';
import type { Stack } from './stack.js';

/** A row of the ledger. */
export interface Charge {
  outcome: string;
  tokens_input: number;
  tokens_output: number;
}

export function chargesOf(stack: Stack, clients: readonly TestClient[]): Promise<Charge[]> {
  return stack.query<Charge>(
    `SELECT outcome, tokens_input, tokens_output FROM usage_attempt JOIN app_user ON app_user.id = usage_attempt.user_id
     WHERE email = ANY($1)`,
    [clients.map(({ email }) => email)],
  );
}

/** Every call of the providers since their last reset stands in the ledger once, complete ones with their very tokens. */
export async function expectLedgerToAgree(stack: Stack, clients: readonly TestClient[]): Promise<Charge[]> {
  const callsOf = () => [...stack.local.calls(), ...stack.cloud.calls()];
  const calls = await eventually(callsOf, (all) => all.every(({ outcome }) => outcome !== 'running'), 30_000);
  const charges = await eventually(
    () => chargesOf(stack, clients),
    ({ length }) => length >= calls.length,
    15_000,
  );
  expect(charges).toHaveLength(calls.length);
  const charged = charges.flatMap((row) =>
    row.outcome === 'completed' ? [[row.tokens_input, row.tokens_output]] : [],
  );
  const served = calls.flatMap((call) =>
    call.outcome === 'completed' ? [[call.promptTokens, call.completionTokens]] : [],
  );
  expect(charged.map(String).sort()).toEqual(served.map(String).sort());
  return charges;
}
