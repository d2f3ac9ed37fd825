/**
 * Prometheus and its relatives ask for its text by name. Everybody else, with any Accept or none, gets the documented
 * JSON.
 */
export function wantsPrometheus(accept: string | undefined): boolean {
  return /text\/plain|application\/openmetrics-text/i.test(accept ?? '');
}
