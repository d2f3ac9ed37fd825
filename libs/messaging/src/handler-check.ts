import type { Contract } from '@tollgate/contracts';

interface Handlers {
  service: string;
  contracts: ReadonlyMap<string, Contract>;
  handlers: ReadonlyMap<string, unknown>;
  /** Contracts for which a second handler was registered. */
  duplicates: ReadonlySet<string>;
}

/** Raises an Error with every mismatch: a service that cannot answer for its contracts must not start. */
export function checkHandlers({ service, contracts, handlers, duplicates }: Handlers): void {
  const missing = [...contracts.keys()].filter((name) => !handlers.has(name));
  const foreign = [...handlers.keys()].filter((name) => !contracts.has(name));
  const problems = [
    ...missing.map((name) => `${name} has no handler`),
    ...foreign.map((name) => `${name} is not a contract of ${service}`),
    ...[...duplicates].map((name) => `${name} has two handlers`),
  ];
  if (problems.length > 0) throw new Error(`Contracts and handlers do not match: ${problems.join('; ')}`);
}
