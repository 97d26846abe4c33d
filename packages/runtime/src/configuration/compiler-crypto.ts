/**
 * What the pure compiler borrows: hashing, sealing under the platform key, and password hashes in Dovecot's spelling.
 */
import { argon2Sync, createHash, randomBytes } from 'node:crypto';
import type { CompilerCrypto } from '@railpost/config';
import { seal } from './seal.ts';

/** Argon2id at OWASP's lower memory setting: about 30 ms and 19 MiB per check, so that a login flood is bearable. */
const memoryKib = 19_456;
const passes = 2;
const saltBytes = 16;
const hashBytes = 32;

/** Makes the functions for one platform key. */
export function createCompilerCrypto(key: Uint8Array): CompilerCrypto {
  return {
    hash: (bytes) => createHash('sha256').update(bytes).digest('hex'),
    seal: (path, plaintext) => seal(key, path, plaintext),
    hashPassword: (password) => hashPassword(password, randomBytes(saltBytes)),
  };
}

/** `{ARGON2ID}$argon2id$v=19$m=...,t=...,p=1$salt$hash`, as `doveadm pw -s ARGON2ID` writes it. Blocks for about 30 ms. */
function hashPassword(password: string, salt: Buffer): string {
  const hash = argon2Sync('argon2id', {
    message: Buffer.from(password, 'utf8'),
    nonce: salt,
    parallelism: 1,
    tagLength: hashBytes,
    memory: memoryKib,
    passes,
  });
  return `{ARGON2ID}$argon2id$v=19$m=${memoryKib},t=${passes},p=1$${unpadded(salt)}$${unpadded(hash)}`;
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
