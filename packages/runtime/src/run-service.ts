/**
 * The start and end of every process: `main.ts` of a service is one call of {@link runService}. Read top to bottom it is
 * the story of a process: settings, probes, NATS, spool, configuration, the service, the signal, the drain, the exit code.
 */
import { hostname } from 'node:os';
import { SettingsError } from './errors.ts';
import { EventLog } from './events/event-log.ts';
import { exitCode } from './exit.ts';
import { type Ending, type Lifecycle, beginLifecycle, drainLimitMs, within } from './lifecycle.ts';
import { createRegistry } from './metrics/process-metrics.ts';
import { type OpenedContext, openContext } from './open-context.ts';
import { Problems } from './problems.ts';
import { openProbeServer } from './probe-server.ts';
import { release } from './release.ts';
import { bug, drainTimedOut, draining, ready, starting, stopped } from './runtime-events.ts';
import type { Service, ServiceContext } from './service-context.ts';
import { CommonSettings } from './settings/common-settings.ts';
import { readEnvironment } from './settings/environment.ts';
import { loadSettings, settingsMode } from './settings/load-config.ts';
import { formatHelp, formatSettings } from './settings/print-config.ts';
import type { SettingsOf, SettingsShape } from './settings/setting.ts';

/** What a service brings. */
export interface ServiceDefinition<Shape extends SettingsShape> {
  /** Folder, image argument, Deployment, durable consumer, log `service`, metric label: one name. */
  readonly name: string;
  /** Own settings (config.ts); the common ones are added. */
  readonly settings: Shape;
  /** Wires and starts the service; called once NATS, the spool and a configuration are there. */
  create(context: ServiceContext, settings: SettingsOf<Shape>): Promise<Service>;
}

/** Runs a service until it is told to stop, then exits the process. Flags and environment are those of the process. */
export async function runService<Shape extends SettingsShape>(
  definition: ServiceDefinition<Shape>,
): Promise<void> {
  const source = { argv: process.argv.slice(2), environment: readEnvironment() };
  const shape = { ...CommonSettings, ...definition.settings };
  try {
    const mode = settingsMode(source.argv);
    if (mode === 'help') return print(formatHelp(`railpost ${definition.name} [settings]`, shape));
    if (mode === 'version') return print(`${release}\n`);
    const values = loadSettings(shape, source);
    if (mode === 'check') return;
    if (mode === 'print') return print(formatSettings(shape, values));
    process.exit(
      await live(definition, pickSettings(CommonSettings, values), pickSettings(definition.settings, values)),
    );
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    complain(definition.name, error);
    process.exit(exitCode.configuration);
  }
}

/** From the first log line to the last; returns the exit code. @throws SettingsError */
async function live<Shape extends SettingsShape>(
  definition: ServiceDefinition<Shape>,
  settings: CommonSettings,
  own: SettingsOf<Shape>,
): Promise<number> {
  const processName = settings.name ?? hostname().replace(/[^A-Za-z0-9-]/g, '-');
  const log = new EventLog({
    service: definition.name,
    processName,
    format: settings.logFormat,
    level: settings.logLevel,
  });
  const metrics = createRegistry(definition.name, release);
  const problems = new Problems(metrics);
  const lifecycle = beginLifecycle((ending) => exitNow(log, ending));
  const startedAt = new Date();
  let configurationRoot = () => '';
  const facts = {
    service: definition.name,
    name: processName,
    release,
    startedAt: startedAt.toISOString(),
    stage: () => lifecycle.stage(),
    problems: () => problems.list(),
    configurationRoot: () => configurationRoot(),
  };
  const probes = await openProbeServer(
    { port: settings.httpPort, address: settings.bindAddress },
    facts,
    metrics,
  );
  starting(log, { release, node: process.version, httpUrl: probes.url });

  let opened: OpenedContext | undefined;
  let service: Service | undefined;
  try {
    opened = await openContext({ facts, settings, log, metrics, problems, lifecycle, httpUrl: probes.url });
    const { context } = opened;
    configurationRoot = () => context.configuration.current().root;
    service = await definition.create(context, own);
    lifecycle.setReady();
    void opened.context.presence.refresh();
    ready(log, { startMs: Date.now() - startedAt.getTime(), configurationRoot: configurationRoot() });
  } catch (error) {
    // A stop during the start is no failure; a wrong setting found late (a bad spool location) keeps its exit code.
    if (!lifecycle.signal.aborted) lifecycle.end(endingOf(error));
  }

  const ending = await lifecycle.ending;
  const code = await drain({
    name: definition.name,
    log,
    lifecycle,
    ending,
    service,
    close: () => opened?.close(),
  });
  await probes.close();
  log.flush();
  lifecycle.release();
  return code;
}

function endingOf(error: unknown): Ending {
  if (error instanceof SettingsError)
    return { exitCode: exitCode.configuration, cause: error.message, error };
  return { exitCode: exitCode.bug, cause: 'start failed', error };
}

async function drain(parts: {
  readonly name: string;
  readonly log: EventLog;
  readonly lifecycle: Lifecycle;
  readonly ending: Ending;
  readonly service: Service | undefined;
  readonly close: () => Promise<void> | undefined;
}): Promise<number> {
  const { log, ending } = parts;
  const startedAt = performance.now();
  let code = ending.exitCode;
  if (ending.error instanceof SettingsError) complain(parts.name, ending.error);
  else if (ending.error !== undefined) bug(log, describeError(ending.error));
  draining(log, { cause: ending.cause });
  try {
    const isDone = await within(parts.service?.stop() ?? Promise.resolve(), drainLimitMs);
    if (!isDone) drainTimedOut(log, { drainMs: drainLimitMs });
    // Whatever the drain left is redelivered; closing may not take long either.
    await within(parts.close() ?? Promise.resolve(), 1000);
  } catch (error) {
    bug(log, describeError(error));
    code = exitCode.bug;
  }
  stopped(log, { exitCode: code, drainMs: Math.round(performance.now() - startedAt) });
  return code;
}

function exitNow(log: EventLog, ending: Ending): void {
  if (ending.error !== undefined) bug(log, describeError(ending.error));
  stopped(log, { exitCode: ending.exitCode, drainMs: 0 });
  log.flush();
  process.exit(ending.exitCode);
}

function describeError(error: unknown): { error: string; stack: string | undefined } {
  return { error: String(error), stack: error instanceof Error ? error.stack : undefined };
}

function pickSettings<Part extends SettingsShape>(
  part: Part,
  values: Readonly<Record<string, unknown>>,
): SettingsOf<Part> {
  const picked = Object.fromEntries(Object.keys(part).map((name) => [name, values[name]]));
  // `values` were parsed by a shape that contains `part`.
  return Object.freeze(picked) as SettingsOf<Part>;
}

/** One line for a human; a wrong setting is no bug. */
function complain(name: string, error: SettingsError): void {
  process.stderr.write(`railpost ${name}: ${error.message}\n`);
}

function print(text: string): void {
  process.stdout.write(text);
}
