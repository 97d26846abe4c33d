/** Metrics of this service. Labels are names of listeners, classes and results: never addresses. */
import { Tally } from '@railpost/runtime';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Intake } from './intake/intake.ts';
import { outageParts } from './intake/outages.ts';

/** All metrics. */
export interface IngressMetrics {
  readonly connections: Tally<'listener' | 'result'>;
  readonly sessions: Tally<'listener'>;
  readonly transactions: Tally<'listener' | 'result'>;
  readonly replies: Tally<'listener' | 'class'>;
  readonly contentBytes: Tally<'listener'>;
  readonly logins: Counter<'result'>;
  readonly handshakes: Counter<'listener' | 'result'>;
  readonly acceptSeconds: Histogram;
}

type IntakeState = Pick<Intake, 'outagePart' | 'corruptRecords'>;

/** Registers the metrics. */
export function createIngressMetrics(registry: Registry, intake: IntakeState): IngressMetrics {
  const registers = [registry];
  registerIntake(registry, intake);
  return {
    connections: new Tally(registry, {
      name: 'railpost_ingress_connections_total',
      help: 'Connections, by what became of them at once.',
      labelNames: ['listener', 'result'],
    }),
    sessions: new Tally(registry, {
      name: 'railpost_ingress_sessions',
      help: 'Open sessions.',
      labelNames: ['listener'],
      kind: 'level',
    }),
    transactions: new Tally(registry, {
      name: 'railpost_ingress_transactions_total',
      help: 'Messages whose content came to its end, by result.',
      labelNames: ['listener', 'result'],
    }),
    replies: new Tally(registry, {
      name: 'railpost_ingress_replies_total',
      help: 'Replies by first digit of the code.',
      labelNames: ['listener', 'class'],
    }),
    contentBytes: new Tally(registry, {
      name: 'railpost_ingress_content_bytes_total',
      help: 'Octets of accepted messages.',
      labelNames: ['listener'],
    }),
    logins: new Counter({
      name: 'railpost_ingress_logins_total',
      help: 'AUTH attempts by result.',
      labelNames: ['result'],
      registers,
    }),
    handshakes: new Counter({
      name: 'railpost_ingress_tls_handshakes_total',
      help: 'TLS handshakes by result.',
      labelNames: ['listener', 'result'],
      registers,
    }),
    acceptSeconds: new Histogram({
      name: 'railpost_ingress_accept_seconds',
      help: 'Time from the end of the data to the reply.',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
  };
}

function registerIntake(registry: Registry, intake: IntakeState): void {
  const outage: Gauge<'part'> = new Gauge({
    name: 'railpost_outage',
    help: 'Why no mail is taken now, by the part that is out of order: 1, else 0. Must be 0.',
    labelNames: ['part'],
    registers: [registry],
    collect() {
      for (const part of outageParts) outage.set({ part }, intake.outagePart === part ? 1 : 0);
    },
  });
  const corrupt: Gauge = new Gauge({
    name: 'railpost_corrupt_records',
    help: 'Records in the corrupt queue of the platform, which wait for a human. Must be 0.',
    registers: [registry],
    collect() {
      corrupt.set(intake.corruptRecords);
    },
  });
}
