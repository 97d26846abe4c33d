/** Metrics of spool-keeper. Those of a task stand beside the task. */
import { Gauge, type Registry } from 'prom-client';

/** Registers what concerns the process as a whole. */
export function registerKeeperMetrics(registry: Registry, isActive: () => boolean): void {
  const active = new Gauge({
    name: 'railpost_keeper_active',
    help: '1 in the process that keeps the spool; the sum over all processes is 1 in health.',
    registers: [registry],
    collect() {
      active.set(isActive() ? 1 : 0);
    },
  });
}
