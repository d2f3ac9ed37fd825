export { CallSlots, type CallCounts, type CallLimit, type CallMaxima, type SlotAnswer } from './call-slots.js';
export { CountersRedis } from './counters-redis.js';
export { limitKeys } from './limit-keys.js';
export { RunningCalls, SLOT_LEASE_MS } from './running-calls.js';
