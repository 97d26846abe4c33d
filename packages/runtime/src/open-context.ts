/**
 * Opens what a service stands on, in the order of need: NATS, the spool, the configuration, presence. Each step waits
 * for the outside with a progress line instead of failing; only a wrong setting fails (SettingsError).
 */
import { type Bus, connectBus } from '@railpost/bus';
import type { Presence } from '@railpost/contracts';
import { type ObjectStore, SpoolLocationError, openObjectStore } from '@railpost/spool';
import type { Registry } from 'prom-client';
import { systemClock } from './clock.ts';
import { openConfigurationReader } from './configuration/configuration-reader.ts';
import { readPlatformKey } from './configuration/platform-key.ts';
import { createCrashPoints } from './crash-point.ts';
import { SettingsError } from './errors.ts';
import type { EventLog } from './events/event-log.ts';
import { exitCode } from './exit.ts';
import type { Lifecycle } from './lifecycle.ts';
import { type Mutant, chooseMutant } from './mutant.ts';
import { openPresence } from './presence.ts';
import type { ProbeFacts } from './probe-server.ts';
import type { Problems } from './problems.ts';
import { withPutCrashPoints } from './put-crash-points.ts';
import type { ServiceContext } from './service-context.ts';
import type { CommonSettings } from './settings/common-settings.ts';
import { noteSpoolFaults } from './spool-faults.ts';
import { readEnvironment } from './settings/environment.ts';
import { waitFor } from './wait-for.ts';

/** What must exist before anything can be opened. */
export interface ContextParts {
  readonly facts: ProbeFacts;
  readonly settings: CommonSettings;
  readonly log: EventLog;
  readonly metrics: Registry;
  readonly problems: Problems;
  readonly lifecycle: Lifecycle;
  readonly httpUrl: string;
}

/** An open context and the way to close it. */
export interface OpenedContext {
  readonly context: ServiceContext;
  close(): Promise<void>;
}

/** Opens everything. Rejects with the abort reason when the process is told to stop meanwhile. @throws SettingsError */
export async function openContext(parts: ContextParts): Promise<OpenedContext> {
  const { settings, log, problems, lifecycle, facts } = parts;
  const mutant = chooseMutant(settings.mutant, readEnvironment());
  if (mutant !== undefined) problems.set('mutant', `this process loses mail on purpose: --mutant ${mutant}`);
  const key =
    settings.platformKeyFile === undefined ? undefined : await readPlatformKey(settings.platformKeyFile);
  const wait = {
    log,
    signal: lifecycle.signal,
    setProblem: (text: string | undefined) => problems.set('start', text),
  };
  const bus = await waitFor({ ...wait, what: `NATS at ${settings.natsUrl.join(', ')}` }, () =>
    connectBus(busOptions(settings, `${facts.service}/${facts.name}`)),
  );
  problems.include(() => bus.health().problems);
  const crashPoint = createCrashPoints(settings);
  const opened = await waitFor({ ...wait, what: `spool at ${settings.spool}` }, () =>
    openStore(settings.spool, mutant),
  );
  const noted = noteSpoolFaults(opened, () => systemClock.monotonicMs());
  problems.include(() => noted.problems());
  const store = withPutCrashPoints(noted.store, settings.crashAt ?? settings.stopAt, crashPoint);
  const configuration = await waitFor({ ...wait, what: 'configuration in the bucket or on disk' }, () =>
    openConfigurationReader({
      ...{ bus, log, key, dataDirectory: settings.data, signal: lifecycle.signal },
      setProblem: (text) => problems.set('configuration', text),
    }),
  );
  const presence = openPresence({
    bus,
    log,
    ttlMs: settings.leaseTtl,
    describe: () => describePresence(parts, configuration.current().root),
  });
  configuration.onChange(() => void presence.refresh());

  const context: ServiceContext = {
    name: facts.service,
    processName: facts.name,
    startedAt: facts.startedAt,
    release: facts.release,
    log,
    metrics: parts.metrics,
    bus,
    store,
    configuration,
    presence,
    clock: systemClock,
    settings,
    signal: lifecycle.signal,
    setProblem: (name, text) => problems.set(name, text),
    fail: (error) => lifecycle.end({ exitCode: exitCode.bug, cause: 'failure', error }),
    crashPoint,
    mutant,
  };
  return {
    context,
    close: () => closeAll(bus, store, [() => presence.close(), () => configuration.close()]),
  };
}

async function openStore(location: string, mutant: Mutant | undefined): Promise<ObjectStore> {
  try {
    return await openObjectStore(location, { isSyncLeftOut: mutant === 'spool-without-sync' });
  } catch (error) {
    if (error instanceof SpoolLocationError) throw new SettingsError('--spool', error.message);
    throw error;
  }
}

function busOptions(settings: CommonSettings, name: string): Parameters<typeof connectBus>[0] {
  return {
    servers: settings.natsUrl,
    monitorUrls: settings.natsMonitorUrl,
    prefix: settings.busPrefix,
    name,
    ...(settings.natsUser === undefined ? {} : { user: settings.natsUser }),
    ...(settings.natsPasswordFile === undefined ? {} : { passwordFile: settings.natsPasswordFile }),
  };
}

function describePresence(
  parts: ContextParts,
  root: string,
): Omit<Presence, 'version' | 'shards' | 'transports'> {
  return {
    service: parts.facts.service,
    name: parts.facts.name,
    release: parts.facts.release,
    startedAt: parts.facts.startedAt,
    isReady: parts.lifecycle.stage() === 'ready',
    configurationRoot: root,
    httpUrl: parts.httpUrl,
    problems: [...parts.problems.list()],
  };
}

async function closeAll(
  bus: Bus,
  store: ObjectStore,
  first: readonly (() => Promise<void>)[],
): Promise<void> {
  for (const close of first) await close();
  await bus.close();
  await store.close();
}
