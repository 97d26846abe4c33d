/** Metrics of recovery. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { OrphanState } from '../orphans/orphan-task.ts';
import type { RecoveryState } from './recovery-task.ts';

/** The metrics. */
export interface RecoveryMetrics {
  readonly putBack: Counter;
}

/** Registers them. */
export function createRecoveryMetrics(
  registry: Registry,
  state: RecoveryState,
  orphans: OrphanState,
): RecoveryMetrics {
  const missing = new Gauge({
    name: 'railpost_unaccounted_messages',
    help: 'Messages in the spool that are neither finished nor anywhere in the queue; the sum over all processes is 0 in health.',
    registers: [registry],
    collect() {
      missing.set(orphans.orphans.length);
    },
  });
  const running = new Gauge({
    name: 'railpost_recovery_running',
    help: '1 while mail is being put back from the spool after NATS lost what it held.',
    registers: [registry],
    collect() {
      running.set(state.isRecovered ? 0 : 1);
    },
  });
  return {
    putBack: new Counter({
      name: 'railpost_put_back_total',
      help: 'Messages that were put back into the queue from the spool, by recovery and by repair.',
      registers: [registry],
    }),
  };
}
