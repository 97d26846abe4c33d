/**
 * What a server offers in handshakes: contexts made once per set of certificates. SNI picks (exact name before wildcard,
 * else the first certificate); of the certificates for one name a client gets ECDSA or RSA, as it can. Replaced as a whole
 * when certificates change: running sessions keep what they have, the next handshake sees the new one.
 */
import { type SecureContext, type SecureVersion, type TLSSocketOptions, createSecureContext } from 'node:tls';
import type { CheckedPair } from './certificate-pair.ts';

/** Oldest TLS version that is spoken. */
export type MinimumVersion = Extract<SecureVersion, 'TLSv1.2' | 'TLSv1.3'>;

/** Contexts of one listener. */
export class ServerContexts {
  readonly #pairs: readonly CheckedPair[];
  readonly #minimumVersion: MinimumVersion;
  readonly #contexts = new Map<string, SecureContext>();
  readonly #options: TLSSocketOptions;

  /** @param pairs at least one; the first is for clients without SNI or with a name that we have not */
  constructor(pairs: readonly [CheckedPair, ...CheckedPair[]], minimumVersion: MinimumVersion) {
    this.#pairs = pairs;
    this.#minimumVersion = minimumVersion;
    this.#options = {
      secureContext: this.#contextOf(pairs[0]),
      SNICallback: (name, done) => done(null, this.#contextOf(this.#pick(name.toLowerCase()) ?? pairs[0])),
    };
  }

  /** Options of one handshake. */
  options(): TLSSocketOptions {
    return this.#options;
  }

  #pick(name: string): CheckedPair | undefined {
    const parent = name.slice(name.indexOf('.') + 1);
    return (
      this.#pairs.find((pair) => pair.hostnames.includes(name)) ??
      this.#pairs.find((pair) => pair.hostnames.includes(`*.${parent}`))
    );
  }

  /** The context of a pair and its siblings: same names, other kinds of key. */
  #contextOf(pair: CheckedPair): SecureContext {
    const known = this.#contexts.get(pair.name);
    if (known !== undefined) return known;
    const siblings = [pair];
    for (const other of this.#pairs) {
      const hasKind = siblings.some((each) => each.keyType === other.keyType);
      if (!hasKind && other.hostnames.some((name) => pair.hostnames.includes(name))) siblings.push(other);
    }
    const context = createSecureContext({
      cert: siblings.map((each) => each.certificate),
      key: siblings.map((each) => each.key),
      minVersion: this.#minimumVersion,
      honorCipherOrder: true,
    });
    this.#contexts.set(pair.name, context);
    return context;
  }
}
