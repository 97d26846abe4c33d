/** All measurements by name; loaded when they are wanted. */
import type { Measurement } from './measurement.ts';

/** Name to measurement. */
export const measurements: ReadonlyMap<string, () => Promise<Measurement>> = new Map<
  string,
  () => Promise<Measurement>
>([
  ['relay', () => import('./relay/run.ts')],
  ['profile', () => import('./profile/run.ts')],
  ['cpu-per-message', () => import('./cpu-per-message/run.ts')],
  ['limits', () => import('./targets/limits.ts')],
  ['idle', () => import('./targets/idle.ts')],
  ['requests', () => import('./targets/requests.ts')],
  ['memory', () => import('./targets/memory.ts')],
  ['flood', () => import('./targets/flood.ts')],
  ['deferred', () => import('./targets/deferred.ts')],
  ['spool-size', () => import('./spool-size/run.ts')],
  ['scale', () => import('./targets/scale.ts')],
  ['soak', () => import('./targets/soak.ts')],
  ['all', () => import('./all.ts')],
  ['recovery', () => import('./recovery/run.ts')],
]);
