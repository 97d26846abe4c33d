/** Metrics that every delivery agent has. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { DestinationLabels } from '../metrics/destination-label.ts';
import { Tally } from '../metrics/tally.ts';

/** What the gauges show; asked at each scrape. */
export interface AgentGauges {
  slots(): number;
  working(): number;
  unsettled(): number;
}

/** Metrics of one agent. */
export interface AgentMetrics {
  readonly dispatches: Tally<'transport' | 'answer'>;
  countDelivery(transport: string, destination: string, disposition: string): void;
  readonly attemptSeconds: Histogram<'transport'>;
}

/** Registers the metrics. */
export function createAgentMetrics(registry: Registry, gauges: AgentGauges): AgentMetrics {
  const registers = [registry];
  const deliveries = new Counter({
    name: 'railpost_deliveries_total',
    help: 'Recipients attempted, by what came of it; destination: the 20 largest, others as "other".',
    labelNames: ['transport', 'destination', 'disposition'],
    registers,
  });
  const labels = new DestinationLabels([deliveries]);
  addGauge(registry, 'railpost_agent_slots', 'Jobs that this agent takes at once.', () => gauges.slots());
  addGauge(registry, 'railpost_agent_jobs', 'Jobs in work.', () => gauges.working());
  addGauge(
    registry,
    'railpost_agent_outcomes_unsettled',
    'Outcomes that no owner has made durable yet.',
    () => gauges.unsettled(),
  );
  return {
    dispatches: new Tally(registry, {
      name: 'railpost_agent_dispatches_total',
      help: 'Jobs offered to this agent, by its answer: accepted, busy, known (already in hand), refused (old epoch).',
      labelNames: ['transport', 'answer'],
    }),
    countDelivery: (transport, destination, disposition) =>
      deliveries.inc({ transport, destination: labels.label(destination), disposition }),
    attemptSeconds: new Histogram({
      name: 'railpost_delivery_attempt_seconds',
      help: 'Time from acceptance of a job to its outcome.',
      labelNames: ['transport'],
      buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300],
      registers,
    }),
  };
}

function addGauge(registry: Registry, name: string, help: string, value: () => number): void {
  const gauge: Gauge = new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      gauge.set(value());
    },
  });
}
