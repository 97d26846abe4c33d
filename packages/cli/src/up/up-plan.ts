/** From the settings of `railpost up` to the plan of processes and the ports that all of them want. Pure. */
import { join } from 'node:path';
import type { ConfigSnapshot } from '@railpost/config';
import type { WantedPort } from './free-ports.ts';
import {
  type PlanFacts,
  type ProcessPlan,
  parseExtraSettings,
  parseReplicas,
  planProcesses,
  portStep,
} from './service-plan.ts';
import type { UpSettings } from './up-settings.ts';

/** How services reach NATS. */
export type NatsAccess = Pick<PlanFacts, 'natsUrl' | 'natsMonitorUrl' | 'natsUser' | 'natsPasswordFile'>;

/** Location of the spool. @param data absolute path of the data folder */
export function spoolOf(settings: UpSettings, data: string): string {
  return settings.spool ?? `dir:${join(data, 'spool')}`;
}

/** Path of the platform key. */
export function platformKeyFileOf(data: string): string {
  return join(data, 'platform.key');
}

/** The plan. @throws Complaint for a wrong --replicas or --set */
export function planOf(
  settings: UpSettings,
  data: string,
  nats: NatsAccess,
  streamSizes?: PlanFacts['streamSizes'],
): readonly ProcessPlan[] {
  const extra = new Map(parseExtraSettings(settings.set));
  if (settings.dnsServers.length > 0) {
    const flags = ['--dns-servers', settings.dnsServers.join(',')];
    extra.set('delivery-smtp', [...flags, ...(extra.get('delivery-smtp') ?? [])]);
  }
  const { busPrefix, bindAddress, logFormat, logLevel, shards, portOffset, healthPort } = settings;
  return planProcesses({
    ...{ busPrefix, bindAddress, logFormat, logLevel, shards, portOffset, healthPort },
    ...nats,
    streamSizes,
    data,
    spool: spoolOf(settings, data),
    platformKeyFile: platformKeyFileOf(data),
    replicas: parseReplicas(settings.replicas),
    extra,
  });
}

/** Ports of all listeners and health servers. */
export function wantedPorts(
  settings: UpSettings,
  snapshot: ConfigSnapshot,
  plan: readonly ProcessPlan[],
): readonly WantedPort[] {
  const ingress = plan.filter(({ service }) => service === 'smtp-ingress');
  const listeners = ingress.flatMap((each, index) =>
    snapshot.platform.listeners.map((listener) => ({
      port: listener.port + settings.portOffset + index * portStep,
      use: `listener ${listener.name} of the MailPlatform, ${each.name}`,
      setting: 'spec.listeners of the MailPlatform, or --port-offset',
    })),
  );
  const health = plan.map(({ httpPort, name }) => ({
    port: httpPort,
    use: `health of ${name}`,
    setting: '--health-port',
  }));
  return [...listeners, ...health];
}
