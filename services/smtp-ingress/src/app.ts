/** Wiring of smtp-ingress: the only file that knows the adapters (bus, spool, DNS, TLS files) and the sessions. */
import { randomUUID } from 'node:crypto';
import { openGroupPublisher, startFullnessWatch } from '@railpost/bus';
import { formatQueueId, queueIdHalfLimit } from '@railpost/mail';
import { type Service, type ServiceContext, SettingsError } from '@railpost/runtime';
import {
  type CertificateFiles,
  type CheckedPair,
  CertificateError,
  readCertificateFiles,
  watchCertificateFiles,
} from '@railpost/smtp';
import { folderOf, openSegmentWriter } from '@railpost/spool';
import { publishDeadlineMs } from './accept.ts';
import { ClientGate } from './client-gate.ts';
import type { IngressConfig } from './config.ts';
import { certificateUnusable, publishLate } from './events.ts';
import type { IngressContext } from './ingress-context.ts';
import { watchDisks } from './intake/disk-watch.ts';
import { Intake } from './intake/intake.ts';
import { type SpoolWatch, watchSpool } from './intake/spool-watch.ts';
import { Listeners } from './listeners.ts';
import { createIngressMetrics } from './metrics.ts';
import { LoginVerifier } from './passwords/login-verifier.ts';
import { PasswordHasher } from './passwords/password-hash.ts';
import { Patience } from './patience.ts';
import { ReverseNames, systemReverseDns } from './reverse-name.ts';

/** How often the TLS files are looked at. */
const certificateLookMs = 2000;
/** Within the runtime's 18 s; what is in hand then is cut off, unacknowledged, and sent again by the client. */
const drainMs = 15_000;

/** A PUT without an answer is given up, and decided, well before clients lose their patience (RFC 5321 section 4.5.3.2.6). */
const commitLimits = { deadlineMs: 10_000, undecidedMs: 5000 } as const;

/** Starts the service. */
export async function createIngress(context: ServiceContext, settings: IngressConfig): Promise<Service> {
  const { bus, log, clock, configuration } = context;
  const spool = watchSpool(context.store);
  const segments = openSegmentWriter(spool.store, commitLimits);
  const intake = openIntake(context, settings, spool);
  const hasher = new PasswordHasher();
  const ingress: IngressContext = {
    log,
    clock,
    metrics: createIngressMetrics(context.metrics, intake),
    crashPoint: context.crashPoint,
    gate: new ClientGate(),
    names: new ReverseNames(systemReverseDns(), () => clock.monotonicMs()),
    logins: new LoginVerifier({
      concurrency: settings.loginConcurrency,
      nowMs: () => clock.monotonicMs(),
      verify: (hash, password) => hasher.verify(hash, password),
    }),
    accept: {
      bus,
      intake,
      segments,
      incoming: openGroupPublisher(bus, bus.names.incomingStream, { isBundling: true }),
      patience: new Patience(publishDeadlineMs),
      clock,
      crashPoint: context.crashPoint,
      mutant: context.mutant,
      onLatePublish: (queueId) => publishLate(log, { queueId }),
    },
    currentConfiguration: () => configuration.current(),
    newQueueId: () => formatQueueId(clock.nowMs(), randomHalf()),
  };
  const files = await openCertificateFiles(context, settings);
  const listeners = new Listeners(ingress, {
    bindAddress: context.settings.bindAddress,
    portOffset: settings.portOffset,
    setProblem: (key, text) => context.setProblem(key, text),
    sources: () => ({
      unseal: (key) => configuration.unseal(key),
      filePair: files.pair(),
      hostname: configuration.current().platform.hostname,
      nowMs: () => clock.nowMs(),
    }),
  });
  files.onChange(() => void listeners.apply());
  const endConfiguration = configuration.onChange(() => void listeners.apply());
  await listeners.apply();
  return {
    async stop() {
      endConfiguration();
      files.close();
      intake.stop();
      await listeners.stop(drainMs);
      await segments.close();
      await hasher.close();
    },
  };
}

function openIntake(context: ServiceContext, settings: IngressConfig, spool: SpoolWatch): Intake {
  const { bus, log, store } = context;
  const folder = folderOf(store);
  const folders = [...(folder === undefined ? [] : [folder]), ...settings.watchedFolders];
  return new Intake({
    bus,
    fullness: startFullnessWatch(bus),
    spool,
    disks: watchDisks(folders, settings.diskReserve),
    queueLimit: settings.queueLimit,
    log,
    setProblem: (key, text) => context.setProblem(key, text),
  });
}

/** 48 bits of a UUID, because Node makes those out of a pool. */
function randomHalf(): number {
  return Number.parseInt(randomUUID().replace('-', '').slice(0, 12), 16) % queueIdHalfLimit;
}

/** The pair of --tls-cert-file and --tls-key-file, followed through changes. */
interface FollowedFiles {
  pair(): CheckedPair | undefined;
  onChange(listener: () => void): void;
  close(): void;
}

async function openCertificateFiles(
  context: ServiceContext,
  settings: IngressConfig,
): Promise<FollowedFiles> {
  const paths = pathsOf(settings);
  if (paths === undefined)
    return { pair: () => undefined, onChange: () => undefined, close: () => undefined };
  let pair: CheckedPair | undefined;
  let changed: () => void = () => undefined;
  const take = (result: CheckedPair | CertificateError): void => {
    const isError = result instanceof CertificateError;
    context.setProblem('certificates.file', isError ? result.message : undefined);
    // An unusable new file does not take away the old certificate.
    if (isError) certificateUnusable(context.log, { error: result.message });
    else pair = result;
  };
  take(await readCertificateFiles(paths).catch(asCertificateError));
  const close = watchCertificateFiles(paths, pair, certificateLookMs, (result) => {
    take(result);
    changed();
  });
  return {
    pair: () => pair,
    onChange: (listener) => {
      changed = listener;
    },
    close,
  };
}

function pathsOf(settings: IngressConfig): CertificateFiles | undefined {
  const { tlsCertFile, tlsKeyFile } = settings;
  if (tlsCertFile === undefined && tlsKeyFile === undefined) return undefined;
  if (tlsCertFile === undefined || tlsKeyFile === undefined) {
    throw new SettingsError('--tls-cert-file', 'belongs together with --tls-key-file: give both or none');
  }
  return { certificateFile: tlsCertFile, keyFile: tlsKeyFile };
}

function asCertificateError(error: unknown): CertificateError {
  if (error instanceof CertificateError) return error;
  throw error;
}
