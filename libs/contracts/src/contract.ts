import { z } from 'zod';

/**
 * What two services agree on: the name on the wire (`<owning service>.<operation>`), what goes in and what comes out.
 *
 * Receivers parse `input`; unknown fields are dropped and new optional ones may be added, so that old and new replicas
 * understand each other during a rolling upgrade.
 */
export interface RequestContract<Input extends z.ZodType = z.ZodType, Output extends z.ZodType = z.ZodType> {
  kind: 'request';
  name: string;
  service: string;
  input: Input;
  output: Output;
  /** May be run a second time when the replica that ran it has died. */
  idempotent: boolean;
}

/** A contract answered by any number of parts, in order, before an end or an error. Never idempotent. */
export interface StreamContract<Input extends z.ZodType = z.ZodType, Part extends z.ZodType = z.ZodType> {
  kind: 'stream';
  name: string;
  service: string;
  input: Input;
  part: Part;
}

export type Contract = RequestContract | StreamContract;
export type InputOf<C extends Contract> = z.output<C['input']>;
export type OutputOf<C extends RequestContract> = z.output<C['output']>;
export type PartOf<C extends StreamContract> = z.output<C['part']>;

export function request<Input extends z.ZodType, Output extends z.ZodType>(
  name: string,
  shape: { input: Input; output: Output; idempotent?: boolean },
): RequestContract<Input, Output> {
  return { kind: 'request', name, service: serviceOf(name), idempotent: false, ...shape };
}

export function stream<Input extends z.ZodType, Part extends z.ZodType>(
  name: string,
  shape: { input: Input; part: Part },
): StreamContract<Input, Part> {
  return { kind: 'stream', name, service: serviceOf(name), ...shape };
}

function serviceOf(name: string): string {
  const [service, operation] = name.split('.');
  if (!service || !operation) throw new Error(`A contract is named <service>.<operation>, not "${name}"`);
  return service;
}
