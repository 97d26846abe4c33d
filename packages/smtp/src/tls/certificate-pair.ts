/** A certificate chain and its key, as PEM text, checked to belong together before anybody offers them to a client. */
import { X509Certificate, createPrivateKey } from 'node:crypto';

/** A certificate chain with its private key. */
export interface CertificatePair {
  /** Where it came from, for messages: a Secret's key, a file, `self-signed`. */
  readonly name: string;
  /** Leaf first, then intermediates; PEM. */
  readonly certificate: string;
  /** Unencrypted private key; PEM. */
  readonly key: string;
}

/** A pair that can be used, with what SNI needs to know of it. */
export interface CheckedPair extends CertificatePair {
  /** Lower-case DNS names, wildcards included. */
  readonly hostnames: readonly string[];
  /** `rsa`, `ec`, `ed25519`: a client may be offered one of each. */
  readonly keyType: string;
  readonly notAfterMs: number;
}

/** The pair cannot be used; `message` says why in words for an administrator and holds no key material. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError';
  readonly code = 'CERTIFICATE_UNUSABLE';
  readonly temporary = false;

  constructor(pairName: string, reason: string, cause?: unknown) {
    super(`certificate ${pairName}: ${reason}`, { cause });
  }
}

/** Checks that a pair is well-formed and belongs together. @throws CertificateError */
export function checkPair(pair: CertificatePair): CheckedPair {
  const leaf = parse(pair, 'the certificate is not PEM', () => new X509Certificate(pair.certificate));
  const key = parse(pair, 'the key is not an unencrypted PEM private key', () => createPrivateKey(pair.key));
  if (!leaf.checkPrivateKey(key))
    throw new CertificateError(pair.name, 'the key belongs to another certificate');
  return {
    ...pair,
    hostnames: hostnamesOf(leaf),
    keyType: key.asymmetricKeyType ?? 'unknown',
    notAfterMs: Date.parse(leaf.validTo),
  };
}

function parse<Value>(pair: CertificatePair, reason: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw new CertificateError(pair.name, reason, error);
  }
}

function hostnamesOf(leaf: X509Certificate): string[] {
  const alternative = (leaf.subjectAltName ?? '').split(', ').filter((entry) => entry.startsWith('DNS:'));
  const names = alternative.map((entry) => entry.slice(4));
  const commonName = /^CN=(.+)$/m.exec(leaf.subject)?.[1];
  if (names.length === 0 && commonName !== undefined) names.push(commonName);
  return names.map((name) => name.toLowerCase());
}
