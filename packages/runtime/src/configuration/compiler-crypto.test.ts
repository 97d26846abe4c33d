import { describe, expect, it } from 'vitest';
import { createCompilerCrypto } from './compiler-crypto.ts';

const crypto = createCompilerCrypto(Buffer.alloc(32, 1));

describe('compiler crypto', () => {
  it('hashes passwords with Argon2id in the spelling of Dovecot, each with its own salt', () => {
    const first = crypto.hashPassword('secret');
    const second = crypto.hashPassword('secret');

    expect(first).toMatch(
      /^\{ARGON2ID\}\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/,
    );
    expect(first).not.toBe(second);
  });

  it('hashes octets with SHA-256 in lower-case hex', () => {
    expect(crypto.hash(Buffer.from('abc'))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });
});
