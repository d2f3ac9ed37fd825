import type { FailureCategory, LogReport } from '@tollgate/logs';

const firstSteps: Record<FailureCategory, string> = {
  crash: 'Read the last events before the crash and the stack trace or dump of the process.',
  hardware: 'Check the named device and its error counters; replace it if they keep rising.',
  memory: 'Compare memory in use with its limit over the time of these errors, and look for what grows.',
  storage: 'Check free space, quotas and health of the volumes that these events name.',
  network: 'Check that the peer is up and can be reached from this host: name, port, firewall.',
  timeout: 'Find what the caller waited for, and compare its duration with the timeout that is set.',
  database: 'Check that the database answers, its connections in use, and its own log at these times.',
  security: 'Check whether these accesses were meant to happen, and revoke what was not.',
  input: 'Find the sender of what was refused, and compare it with what is accepted.',
  dependency: 'Check the health of the service or package that is named, and what changed in it.',
  application: 'Start at the first of these lines: what follows it may only be a consequence.',
};

const recommendationsMax = 5;

/** A first step for each kind of failure in a log, the gravest first, with the lines to begin at. */
export function recommendationsFor({ errorGroups }: Pick<LogReport, 'errorGroups'>) {
  const firstOfKind = new Map<FailureCategory, number>();
  for (const { category, firstLine } of errorGroups) {
    if (!firstOfKind.has(category)) firstOfKind.set(category, firstLine);
  }
  return [...firstOfKind]
    .slice(0, recommendationsMax)
    .map(([category, line]) => ({ category, text: firstSteps[category], lines: [line] }));
}
