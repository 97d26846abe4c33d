/**
 * The metrics registry of a process: default process metrics of prom-client plus what every service of ours has. A
 * registry of its own, not prom-client's global one, so that tests can run several services in one process.
 */
import { Gauge, Registry, collectDefaultMetrics } from 'prom-client';

/** Makes the registry. */
export function createRegistry(service: string, release: string): Registry {
  const registry = new Registry();
  // The default, 10 ms, wakes every process a hundred times a second.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 });
  const build = new Gauge({
    name: 'railpost_build_info',
    help: 'Always 1; the labels say which software runs.',
    labelNames: ['service', 'release'],
    registers: [registry],
  });
  build.set({ service, release }, 1);
  return registry;
}
