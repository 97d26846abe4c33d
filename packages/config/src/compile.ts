/**
 * The compiler: manifests in, units and findings out. Pure and deterministic: equal objects and Secrets give equal bytes
 * (salted password hashes are taken over from the previous units), so that an edit rewrites only the units it concerns.
 *
 * In a folder any error means that nothing is applied; the operator applies what was accepted and reports the rest.
 */
import { canonicalBytes, compareText } from './canonical.ts';
import { type ManifestObject, type ManifestOf, objectLabel } from './manifests.ts';
import type { Problem } from './problem.ts';
import {
  type ConfigRoot,
  type DomainUnitHead,
  type PlatformUnit,
  type RoutesUnitHead,
  UnitReader,
  domainUnitKey,
  encodeEntries,
  platformUnitKey,
  rootUnitKey,
  routesUnitKey,
} from './unit.ts';
import { compileAddresses, findPostmaster } from './compile/addresses.ts';
import { compileDomains } from './compile/domains.ts';
import { Findings, type ObjectStatus, byAge } from './compile/findings.ts';
import { compilePlatform } from './compile/platform-settings.ts';
import { compileRoutes } from './compile/routes.ts';
import { type CompilerCrypto, SecretBox } from './compile/secrets.ts';

/** What is compiled. */
export interface CompileRequest {
  readonly objects: readonly ManifestObject[];
  readonly crypto: CompilerCrypto;
  /** Units of the last compilation, `root` included: keeps password hashes and counts the revision on. */
  readonly previous?: ReadonlyMap<string, Uint8Array>;
  /** Name of the MailPlatform. @default 'main' */
  readonly platform?: string;
}

/** What came of it. */
export interface Compilation {
  /** All units and `root`, by KV key. Empty when there is no MailPlatform. */
  readonly units: ReadonlyMap<string, Uint8Array>;
  readonly root: ConfigRoot | undefined;
  readonly problems: readonly Problem[];
  /** One per object (Secrets have none). */
  readonly statuses: readonly ObjectStatus[];
}

/** NATS carries 1 MB; the rest is for headers. */
const largestUnitBytes = 1_000_000;
const hashDigits = 32;

/** Compiles; never throws for what stands in manifests. */
export function compile(request: CompileRequest): Compilation {
  const objects = [...request.objects].sort(byAge);
  const findings = new Findings();
  const secrets = new SecretBox(objects, findings, request.crypto);
  const name = request.platform ?? 'main';
  const platform = ofKind(objects, 'MailPlatform').find((each) => each.name === name);
  if (platform === undefined) {
    rejectWithoutPlatform(objects, name, findings);
    return { units: new Map(), root: undefined, ...report(objects, findings) };
  }
  const members = objects.filter((object) => belongsTo(object, platform, objects, findings));
  const previous = request.previous?.has(rootUnitKey) ? new UnitReader(request.previous) : undefined;
  const units = compileUnits(platform, members, { findings, secrets, previous });
  for (const secret of secrets.unused()) {
    findings.warn(secret, { reason: 'Unused', path: [], text: 'is named by no object' });
  }
  checkSizes(platform, units, findings);
  const root = compileRoot(units, request.crypto, previous?.root);
  return {
    units: new Map([...units, [rootUnitKey, canonicalBytes(root)]]),
    root,
    ...report(objects, findings),
  };
}

function report(
  objects: readonly ManifestObject[],
  findings: Findings,
): Pick<Compilation, 'problems' | 'statuses'> {
  return { problems: findings.problems, statuses: findings.statuses(objects) };
}

interface Workshop {
  readonly findings: Findings;
  readonly secrets: SecretBox;
  readonly previous: UnitReader | undefined;
}

function compileUnits(
  platform: ManifestOf<'MailPlatform'>,
  members: readonly ManifestObject[],
  { findings, secrets, previous }: Workshop,
): Map<string, Uint8Array> {
  const sealed = new Map<string, string>();
  const context = { findings, secrets, sealed };
  const domains = compileDomains(ofKind(members, 'MailDomain'), findings, context);
  const claims = members.filter((object) => object.kind === 'Mailbox' || object.kind === 'AliasMap');
  const book = compileAddresses(claims, { ...context, domains, previous });
  const home = platform.namespace;
  const routes = compileRoutes(ofKind(members, 'TransportMap'), { ...context, domains, home });
  const postmaster = findPostmaster(platform.spec.origin ?? platform.spec.hostname, domains, book);
  warnAboutPlatform(platform, postmaster, domains.size, findings);
  const platformSealed = new Map<string, string>();
  const settings = compilePlatform(platform, postmaster, { secrets, sealed: platformSealed });
  const platformUnit: PlatformUnit = {
    version: 1,
    platform: settings,
    secrets: Object.fromEntries(platformSealed),
  };
  const routesHead: Pick<RoutesUnitHead, 'secrets'> = { secrets: Object.fromEntries(sealed) };
  const units = new Map([[platformUnitKey, canonicalBytes(platformUnit)]]);
  for (const unit of encodeEntries(routesUnitKey, routesHead, routes)) units.set(...unit);
  for (const [name, { settings: domain }] of domains) {
    const head: Pick<DomainUnitHead, 'domain'> = { domain };
    for (const unit of encodeEntries(domainUnitKey(name), head, book.get(name) ?? new Map())) {
      units.set(...unit);
    }
  }
  return units;
}

function warnAboutPlatform(
  platform: ManifestOf<'MailPlatform'>,
  postmaster: string | undefined,
  domains: number,
  findings: Findings,
): void {
  const { spec } = platform;
  if (spec.tls.certificates.length === 0 && spec.listeners.some(usesPlatformCertificate)) {
    const text = 'no certificate is named: clients will see a self-signed one';
    findings.warn(platform, { reason: 'NoCertificate', path: ['spec', 'tls', 'certificates'], text });
  }
  if (postmaster === undefined && domains > 0) {
    const text = 'nobody gets mail for postmaster (RFC 5321 section 4.5.1): add an AliasMap entry';
    findings.warn(platform, { reason: 'NoPostmaster', path: [], text });
  }
}

function usesPlatformCertificate(listener: ManifestOf<'MailPlatform'>['spec']['listeners'][number]): boolean {
  return listener.tls?.mode !== 'None' && (listener.tls?.certificates ?? []).length === 0;
}

function belongsTo(
  object: ManifestObject,
  platform: ManifestOf<'MailPlatform'>,
  objects: readonly ManifestObject[],
  findings: Findings,
): boolean {
  if (object.kind === 'MailPlatform' || object.kind === 'Secret') return object === platform;
  const wanted = object.spec.platformRef.name;
  if (wanted === platform.name) return true;
  const isThere = ofKind(objects, 'MailPlatform').some(
    (each) => each.name === wanted && each.namespace === platform.namespace,
  );
  if (!isThere) rejectPlatform(object, wanted, findings);
  return false;
}

function rejectWithoutPlatform(objects: readonly ManifestObject[], name: string, findings: Findings): void {
  for (const object of objects) {
    if (object.kind !== 'MailPlatform' && object.kind !== 'Secret') rejectPlatform(object, name, findings);
  }
}

function rejectPlatform(object: ManifestObject, name: string, findings: Findings): void {
  findings.reject(object, {
    reason: 'PlatformNotFound',
    path: ['spec', 'platformRef', 'name'],
    text: `there is no MailPlatform ${name}`,
  });
}

function checkSizes(
  platform: ManifestOf<'MailPlatform'>,
  units: ReadonlyMap<string, Uint8Array>,
  findings: Findings,
): void {
  for (const [key, bytes] of units) {
    if (bytes.length <= largestUnitBytes) continue;
    const text = `unit ${key} has ${bytes.length} octets and the bus carries ${largestUnitBytes}: ${objectLabel(platform)} cannot be applied`;
    findings.reject(platform, { reason: 'TooLarge', path: [], text });
  }
}

function compileRoot(
  units: ReadonlyMap<string, Uint8Array>,
  crypto: CompilerCrypto,
  before: ConfigRoot | undefined,
): ConfigRoot {
  const hashes = [...units]
    .map(([key, bytes]): [string, string] => [key, crypto.hash(bytes).slice(0, hashDigits)])
    .sort(([left], [right]) => compareText(left, right));
  const named = Object.fromEntries(hashes);
  const hash = crypto.hash(canonicalBytes(named)).slice(0, hashDigits);
  const revision = before === undefined ? 1 : before.revision + (before.hash === hash ? 0 : 1);
  return { version: 1, revision, hash, units: named };
}

function ofKind<K extends ManifestObject['kind']>(
  objects: readonly ManifestObject[],
  kind: K,
): ManifestOf<K>[] {
  return objects.filter((object): object is ManifestOf<K> => object.kind === kind);
}
