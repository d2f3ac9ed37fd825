import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import type { SimulatedCall } from './simulator-call-log.js';
import { SimulatorFault } from './simulator-faults.js';
import type { SimulatorState } from './simulator-generation.js';
import type { Pace } from './simulator-pace.js';
import { parseBody, type ParsedBody } from './simulator-request.js';

export interface SimulatorControls {
  /** Oldest first; those still running too. */
  calls(): SimulatedCall[];
  clearCalls(): void;
  /** Replaces the queue of faults; several are given as a list. */
  setFault(fault: SimulatorFault | readonly SimulatorFault[] | null): void;
  /** Holds for running calls too. */
  setPace(pace: Partial<Pace>): void;
  /** Back to how it was started: no calls, no faults, the first pace, nothing loaded. */
  reset(): void;
}

export function controlsOf(state: SimulatorState): SimulatorControls {
  const firstPace = state.pace;
  return {
    calls: () => state.calls.list(),
    clearCalls: () => state.calls.clear(),
    setFault: (fault) => state.faults.set(fault === null ? [] : [fault].flat()),
    setPace: (pace) => {
      state.pace = { ...state.pace, ...pace };
    },
    reset: () => {
      state.calls.clear();
      state.faults.set([]);
      state.models.unloadAll();
      state.pace = firstPace;
    },
  };
}

/** One fault or a list. */
const FaultBody = z.preprocess((body) => [body].flat(), z.array(SimulatorFault));
/** tokensPerSecond 0: as fast as possible, since JSON has no Infinity. */
const PaceBody = z.strictObject({
  tokensPerSecond: z.number().min(0).optional(),
  firstTokenMs: z.number().min(0).optional(),
});

/** The controls for tests in another process. */
export function addControlRoutes(app: FastifyInstance, controls: SimulatorControls): void {
  app.get('/simulator/calls', async () => controls.calls());
  app.delete('/simulator/calls', async (_request, reply) => {
    controls.clearCalls();
    return reply.code(204).send();
  });
  app.put('/simulator/fault', async (request, reply) =>
    apply(reply, parseBody(FaultBody, request.body), (faults) => controls.setFault(faults)),
  );
  app.delete('/simulator/fault', async (_request, reply) => {
    controls.setFault(null);
    return reply.code(204).send();
  });
  app.put('/simulator/pace', async (request, reply) =>
    apply(reply, parseBody(PaceBody, request.body), (pace) => controls.setPace(pace)),
  );
  app.post('/simulator/reset', async (_request, reply) => {
    controls.reset();
    return reply.code(204).send();
  });
}

function apply<T>(reply: FastifyReply, body: ParsedBody<T>, control: (value: T) => void): FastifyReply {
  if (!body.ok) return reply.code(400).send({ error: body.message });
  control(body.value);
  return reply.code(204).send();
}
