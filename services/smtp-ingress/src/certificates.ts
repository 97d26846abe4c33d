/**
 * Which certificates a listener offers: its own Secrets (or the platform's), else the files of --tls-cert-file, else a self-signed
 * one with a warning. Built anew when the configuration or the files change; an unusable certificate is a problem to be
 * seen, and the others go on.
 */
import type { ListenerSettings } from '@railpost/config';
import {
  CertificateError,
  type CheckedPair,
  ServerContexts,
  checkPair,
  createSelfSigned,
} from '@railpost/smtp';

/** Where certificates come from. */
export interface CertificateSources {
  /** Opens a kubernetes.io/tls Secret. */
  unseal(key: string): Readonly<Record<string, string>> | undefined;
  /** The pair of the process's files, when they are given and usable. */
  readonly filePair: CheckedPair | undefined;
  readonly hostname: string;
  nowMs(): number;
}

/** Contexts of a listener and what was wrong on the way. */
export interface ListenerCertificates {
  readonly contexts: ServerContexts;
  readonly isSelfSigned: boolean;
  readonly problems: readonly string[];
  /** Equal when the certificates are. */
  readonly identity: string;
}

/** Remembers self-signed pairs by host name: clients that pin one should not see another at each reload. */
export class SelfSignedPairs {
  readonly #pairs = new Map<string, CheckedPair>();

  /** The pair for a host name. */
  pairFor(hostname: string, nowMs: number): CheckedPair {
    const known = this.#pairs.get(hostname);
    if (known !== undefined) return known;
    const pair = checkPair(createSelfSigned(hostname, nowMs));
    this.#pairs.set(hostname, pair);
    return pair;
  }
}

/** Gathers the certificates of a listener. */
export function gatherCertificates(
  tls: ListenerSettings['tls'],
  sources: CertificateSources,
  selfSigned: SelfSignedPairs,
): ListenerCertificates {
  const problems: string[] = [];
  const pairs: CheckedPair[] = [];
  for (const key of tls.certificates) {
    const pair = pairOfSecret(key, sources, problems);
    if (pair !== undefined) pairs.push(pair);
  }
  if (pairs.length === 0 && sources.filePair !== undefined) pairs.push(sources.filePair);
  const isSelfSigned = pairs.length === 0;
  const [first = selfSigned.pairFor(sources.hostname, sources.nowMs()), ...rest] = pairs;
  return {
    contexts: new ServerContexts([first, ...rest], tls.minimumVersion),
    isSelfSigned,
    problems,
    identity: [first, ...rest].map((pair) => pair.certificate + pair.key).join('') + tls.minimumVersion,
  };
}

function pairOfSecret(key: string, sources: CertificateSources, problems: string[]): CheckedPair | undefined {
  const secret = sources.unseal(key);
  const certificate = secret?.['tls.crt'];
  const privateKey = secret?.['tls.key'];
  if (certificate === undefined || privateKey === undefined) {
    problems.push(`Secret ${key} is missing or has no tls.crt and tls.key`);
    return undefined;
  }
  try {
    return checkPair({ name: key, certificate, key: privateKey });
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    problems.push(error.message);
    return undefined;
  }
}
