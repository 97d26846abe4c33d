/** Metrics of recovery. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { RecoveryState } from './recovery-task.ts';

/** The metrics. */
export interface RecoveryMetrics {
  readonly putBack: Counter;
}

/** Registers them. */
export function createRecoveryMetrics(registry: Registry, state: RecoveryState): RecoveryMetrics {
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
