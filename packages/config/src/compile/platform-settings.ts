/**
 * MailPlatform -> settings: everything filled in, listeners complete in themselves, times in milliseconds, sizes in octets.
 */
import type { MailPlatformSpec } from '../kinds/mail-platform.ts';
import { durationMs, quantityBytes } from '../kinds/units.ts';
import type { ManifestOf } from '../manifests.ts';
import type {
  DeliverySettings,
  LimitSettings,
  ListenerSettings,
  PlatformSettings,
  TimeoutSettings,
} from '../settings.ts';
import { type HopContext, compileTls } from './hop.ts';
import type { SecretBox } from './secrets.ts';

type ListenerSpec = MailPlatformSpec['listeners'][number];

/** Compiles the platform; `postmaster` stands for domains without one. */
export function compilePlatform(
  platform: ManifestOf<'MailPlatform'>,
  postmaster: string | undefined,
  context: Pick<HopContext, 'secrets' | 'sealed'>,
): PlatformSettings {
  const { spec, name } = platform;
  const { secrets, sealed } = context;
  const certificates = compileCertificates(platform, ['spec', 'tls'], spec.tls.certificates, context);
  return {
    name,
    hostname: spec.hostname,
    origin: spec.origin ?? spec.hostname,
    postmaster,
    listeners: spec.listeners.map((listener, index) => ({
      ...compileListener(listener, spec),
      tls: {
        mode: listener.tls?.mode ?? 'StartTLS',
        certificates:
          listener.tls?.certificates === undefined
            ? certificates
            : compileCertificates(
                platform,
                ['spec', 'listeners', index, 'tls'],
                listener.tls.certificates,
                context,
              ),
        minimumVersion: listener.tls?.minimumVersion ?? spec.tls.minimumVersion,
      },
    })),
    tls: { certificates, minimumVersion: spec.tls.minimumVersion },
    limits: compileLimits(spec.limits),
    timeouts: compileTimeouts(spec.timeouts),
    bareNewline: spec.bareNewline,
    queue: {
      backoffMinimumMs: durationMs(spec.queue.backoff.minimum),
      backoffMaximumMs: durationMs(spec.queue.backoff.maximum),
      lifetimeMs: durationMs(spec.queue.lifetime),
      bounceLifetimeMs: durationMs(spec.queue.bounceLifetime),
      delayWarningMs: durationMs(spec.queue.delayWarning),
    },
    delivery: compileDelivery(spec, {
      object: platform,
      path: ['spec', 'delivery', 'tls'],
      secrets,
      sealed,
    }),
  };
}

function compileListener(listener: ListenerSpec, spec: MailPlatformSpec): Omit<ListenerSettings, 'tls'> {
  return {
    name: listener.name,
    port: listener.port,
    role: listener.role,
    limits: compileLimits({ ...spec.limits, ...defined(listener.limits ?? {}) }),
    timeouts: compileTimeouts({ ...spec.timeouts, ...defined(listener.timeouts ?? {}) }),
    withheldKeywords: listener.ehloKeywords?.withhold ?? [],
    trustedNetworks: listener.trustedNetworks ?? [],
    trustedProxies: listener.proxyProtocol?.trustedProxies,
  };
}

function compileLimits(limits: MailPlatformSpec['limits']): LimitSettings {
  return {
    messageSizeBytes: quantityBytes(limits.messageSize),
    recipients: limits.recipients,
    headerSizeBytes: quantityBytes(limits.headerSize),
    lineLengthBytes: limits.lineLength,
    errors: limits.errors,
    connectionsPerClient: limits.connectionsPerClient,
  };
}

function compileTimeouts(timeouts: MailPlatformSpec['timeouts']): TimeoutSettings {
  return { idleMs: durationMs(timeouts.idle), messageMs: durationMs(timeouts.message) };
}

function compileDelivery({ delivery, hostname }: MailPlatformSpec, context: HopContext): DeliverySettings {
  const { timeouts } = delivery;
  return {
    concurrencyInitial: delivery.concurrency.initial,
    concurrencyLimit: delivery.concurrency.limit,
    recipientsPerDelivery: delivery.recipientsPerDelivery,
    tls: compileTls(delivery.tls, context),
    ehlo: delivery.ehlo ?? hostname,
    timeouts: {
      connectMs: durationMs(timeouts.connect),
      commandMs: durationMs(timeouts.command),
      dataInitMs: durationMs(timeouts.dataInit),
      dataBlockMs: durationMs(timeouts.dataBlock),
      dataDoneMs: durationMs(timeouts.dataDone),
    },
  };
}

function compileCertificates(
  object: ManifestOf<'MailPlatform'>,
  path: readonly (string | number)[],
  certificates: MailPlatformSpec['tls']['certificates'],
  { secrets, sealed }: { readonly secrets: SecretBox; readonly sealed: Map<string, string> },
): string[] {
  return certificates.flatMap(({ secretRef }, index) => {
    const key = `${object.namespace}/${secretRef.name}`;
    const bytes = secrets.seal({
      object,
      path: [...path, 'certificates', index, 'secretRef', 'name'],
      name: secretRef.name,
      use: 'certificate',
    });
    if (bytes === undefined) return [];
    sealed.set(key, bytes);
    return [key];
  });
}

/** Members that are set: an undefined member must not hide the platform's value. */
function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members) as { [K in keyof T]: Exclude<T[K], undefined> }; // undefined was filtered out
}
