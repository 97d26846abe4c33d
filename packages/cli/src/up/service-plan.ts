/**
 * Which processes `railpost up` runs, with which arguments: a pure table. Each service is a process of its own, as in pods.
 */
import { join } from 'node:path';
import { Complaint } from '../complaint.ts';
import type { StreamSizes } from './prepare-streams.ts';

/** All services, in the order of a message's way. */
export const serviceNames = [
  'smtp-ingress',
  'cleanup',
  'queue-manager',
  'delivery-smtp',
  'delivery-mailbox',
  'bounce',
  'spool-keeper',
] as const;
export type ServiceName = (typeof serviceNames)[number];

/** Further smtp-ingress processes add this to their ports, once per process. */
export const portStep = 1000;
/** Health ports of further processes of a service. */
const healthStep = 10;

/** What all processes share. */
export interface PlanFacts {
  /** Absolute. */
  readonly data: string;
  readonly natsUrl: readonly string[];
  readonly natsMonitorUrl: readonly string[];
  readonly natsUser: string | undefined;
  readonly natsPasswordFile: string | undefined;
  readonly busPrefix: string;
  readonly spool: string;
  readonly platformKeyFile: string;
  readonly bindAddress: string;
  readonly logFormat: string;
  readonly logLevel: string;
  readonly shards: number;
  /** Undefined: the defaults of queue-manager. */
  readonly streamSizes?: StreamSizes | undefined;
  readonly portOffset: number;
  readonly healthPort: number;
  readonly replicas: ReadonlyMap<ServiceName, number>;
  /** `--set SERVICE.SETTING=VALUE`: further arguments by service. */
  readonly extra: ReadonlyMap<ServiceName, readonly string[]>;
}

/** One process. */
export interface ProcessPlan {
  readonly service: ServiceName;
  readonly name: string;
  readonly httpPort: number;
  /** Arguments after the program. */
  readonly arguments: readonly string[];
}

/** Plans all processes. */
export function planProcesses(facts: PlanFacts): readonly ProcessPlan[] {
  return serviceNames.flatMap((service, position) =>
    Array.from({ length: facts.replicas.get(service) ?? 1 }, (_, index) => {
      const name = `${service}-${index}`;
      const httpPort = facts.healthPort + facts.portOffset + position + index * healthStep;
      return { service, name, httpPort, arguments: argumentsOf(facts, { service, name, index, httpPort }) };
    }),
  );
}

function argumentsOf(
  facts: PlanFacts,
  own: {
    readonly service: ServiceName;
    readonly name: string;
    readonly index: number;
    readonly httpPort: number;
  },
): readonly string[] {
  return [
    ...['--nats-url', facts.natsUrl.join(',')],
    ...['--nats-monitor-url', facts.natsMonitorUrl.join(',')],
    ...(facts.natsUser === undefined ? [] : ['--nats-user', facts.natsUser]),
    ...(facts.natsPasswordFile === undefined ? [] : ['--nats-password-file', facts.natsPasswordFile]),
    ...['--bus-prefix', facts.busPrefix],
    ...['--spool', facts.spool],
    ...['--data', join(facts.data, 'process', own.name)],
    ...['--platform-key-file', facts.platformKeyFile],
    ...['--http-port', String(own.httpPort)],
    ...['--bind-address', facts.bindAddress],
    ...['--name', own.name],
    ...['--log-format', facts.logFormat],
    ...['--log-level', facts.logLevel],
    ...['--shards', String(facts.shards)],
    ...serviceArguments(facts, own),
    ...(facts.extra.get(own.service) ?? []),
  ];
}

function serviceArguments(
  facts: PlanFacts,
  own: { readonly service: ServiceName; readonly index: number },
): readonly string[] {
  switch (own.service) {
    case 'smtp-ingress':
      return [
        ...['--port-offset', String(facts.portOffset + own.index * portStep)],
        // NATS's store and the mail lie there.
        ...['--watched-folders', facts.data],
      ];
    case 'delivery-mailbox':
      return ['--mail-root', join(facts.data, 'mail')];
    case 'queue-manager':
      return sizeArguments(facts.streamSizes);
    default:
      return [];
  }
}

/** queue-manager keeps the streams, so it must not want other sizes than they were made with. */
function sizeArguments(sizes: StreamSizes | undefined): readonly string[] {
  return Object.entries(sizes ?? {}).flatMap(([kind, bytes]) => [`--${kind}-max-bytes`, String(bytes)]);
}

/** Reads `SERVICE=N`. @throws Complaint */
export function parseReplicas(values: readonly string[]): ReadonlyMap<ServiceName, number> {
  const replicas = new Map<ServiceName, number>();
  for (const value of values) {
    const [name = '', count = ''] = value.split('=');
    const service = serviceOf(name, '--replicas');
    if (!/^\d{1,2}$/.test(count))
      throw new Complaint(`--replicas: "${value}" is not SERVICE=N with N within 0 to 99`);
    replicas.set(service, Number(count));
  }
  return replicas;
}

/** Reads `SERVICE.SETTING=VALUE`. @throws Complaint */
export function parseExtraSettings(values: readonly string[]): ReadonlyMap<ServiceName, readonly string[]> {
  const extra = new Map<ServiceName, readonly string[]>();
  for (const value of values) {
    const [, name = '', flag = '', text = ''] = /^([a-z-]+)\.([a-z-]+)=(.*)$/.exec(value) ?? [];
    if (flag === '') throw new Complaint(`--set: "${value}" is not SERVICE.SETTING=VALUE`);
    const service = serviceOf(name, '--set');
    extra.set(service, [...(extra.get(service) ?? []), `--${flag}`, text]);
  }
  return extra;
}

function serviceOf(name: string, flag: string): ServiceName {
  const found = serviceNames.find((each) => each === name);
  if (found === undefined)
    throw new Complaint(`${flag}: there is no service ${name}; services are ${serviceNames.join(', ')}`);
  return found;
}
