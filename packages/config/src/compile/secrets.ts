/**
 * Secrets that objects name: checked for what their user needs, and sealed so that they may travel. Passwords of Mailboxes never
 * travel: only their hashes do.
 */
import { encodeUtf8 } from '@railpost/mail';
import { canonicalBytes } from '../canonical.ts';
import { encodeBase64 } from '../kinds/secret.ts';
import type { ManifestObject, ManifestOf } from '../manifests.ts';
import type { FieldPath } from '../problem.ts';
import type { Findings } from './findings.ts';

/** What the compiler borrows, so that it stays pure. All functions are deterministic except hashPassword (salt). */
export interface CompilerCrypto {
  /** SHA-256, lower-case hex. */
  hash(bytes: Uint8Array): string;
  /** Authenticated encryption under the platform key; equal path and plaintext give equal bytes. */
  seal(path: string, plaintext: Uint8Array): Uint8Array;
  /** A hash in Dovecot's spelling (`{ARGON2ID}...`); slow on purpose, called once per password. */
  hashPassword(password: string): string;
}

/** What a Secret is used for; decides which keys it must have. */
export type SecretUse = 'certificate' | 'ca' | 'credentials' | 'password';

/** Scheme and hash as Dovecot writes them. */
const passwordHashPattern = /^\{(ARGON2ID|SHA512-CRYPT|BLF-CRYPT)\}\$[^\s]+$/;

const neededKeys: Readonly<Record<Exclude<SecretUse, 'password'>, readonly string[]>> = {
  certificate: ['tls.crt', 'tls.key'],
  ca: ['ca.crt'],
  credentials: ['username', 'password'],
};

/** Who names a Secret. */
export interface SecretReference {
  readonly object: ManifestObject;
  readonly path: FieldPath;
  readonly name: string;
  readonly use: SecretUse;
}

/** Finds, checks and seals Secrets. */
export class SecretBox {
  readonly #secrets = new Map<string, ManifestOf<'Secret'>>();
  readonly #used = new Set<string>();
  readonly #findings: Findings;
  readonly #crypto: CompilerCrypto;

  constructor(objects: readonly ManifestObject[], findings: Findings, crypto: CompilerCrypto) {
    for (const object of objects) {
      if (object.kind === 'Secret') this.#secrets.set(`${object.namespace}/${object.name}`, object);
    }
    this.#findings = findings;
    this.#crypto = crypto;
  }

  /** The sealed values of a Secret, base64; undefined with a finding when it is missing or lacks what its user needs. */
  seal(reference: SecretReference): string | undefined {
    const secret = this.#find(reference);
    if (secret === undefined || reference.use === 'password') return undefined;
    for (const key of neededKeys[reference.use]) {
      const value = secret.values[key] ?? '';
      const isPem = reference.use !== 'credentials';
      if (value === '') return this.#malformed(reference, `has no key ${key}`);
      if (isPem && !value.includes('-----BEGIN ')) return this.#malformed(reference, `${key} is not PEM`);
    }
    const path = `${secret.namespace}/${secret.name}`;
    return encodeBase64(this.#crypto.seal(path, canonicalBytes(secret.values)));
  }

  /** The password hash of a Mailbox; `previous` is reused while it belongs to the same plain password. */
  passwordHash(
    reference: SecretReference,
    previous: { readonly passwordHash?: string; readonly passwordTag?: string } | undefined,
  ): { readonly passwordHash: string; readonly passwordTag?: string } | undefined {
    const secret = this.#find(reference);
    if (secret === undefined) return undefined;
    const { passwordHash, password } = secret.values;
    if (passwordHash !== undefined) {
      const text = passwordHash.trim();
      if (passwordHashPattern.test(text)) return { passwordHash: text };
      return this.#malformed(
        reference,
        'passwordHash must begin with {ARGON2ID}, {SHA512-CRYPT} or {BLF-CRYPT}',
      );
    }
    if (password === undefined || password === '') {
      return this.#malformed(reference, 'has neither passwordHash nor password');
    }
    const passwordTag = this.#tag(`password ${secret.namespace}/${secret.name}`, password);
    if (previous?.passwordHash !== undefined && previous.passwordTag === passwordTag) {
      return { passwordHash: previous.passwordHash, passwordTag };
    }
    return { passwordHash: this.#crypto.hashPassword(password), passwordTag };
  }

  /** Secrets that no object named. */
  unused(): ManifestOf<'Secret'>[] {
    return [...this.#secrets].filter(([key]) => !this.#used.has(key)).map(([, secret]) => secret);
  }

  /** One way: sealed under the platform's key, then hashed, so that a unit gives nothing to guess against. */
  #tag(path: string, password: string): string {
    return this.#crypto.hash(this.#crypto.seal(path, encodeUtf8(password))).slice(0, 32);
  }

  #find(reference: SecretReference): ManifestOf<'Secret'> | undefined {
    const key = `${reference.object.namespace}/${reference.name}`;
    const secret = this.#secrets.get(key);
    this.#used.add(key);
    if (secret === undefined) {
      this.#findings.unresolved(reference.object, {
        reason: 'SecretNotFound',
        path: reference.path,
        text: `there is no Secret ${key}`,
      });
    }
    return secret;
  }

  #malformed(reference: SecretReference, text: string): undefined {
    this.#findings.unresolved(reference.object, {
      reason: 'SecretMalformed',
      path: reference.path,
      text: `Secret ${reference.object.namespace}/${reference.name} ${text}`,
    });
    return undefined;
  }
}
