import { describe, expect, it } from 'vitest';
import { SealBrokenError } from '../errors.ts';
import { seal, unseal } from './seal.ts';

const key = Buffer.alloc(32, 7);
const secret = Buffer.from('{"password":"hunter2"}');

describe('seal', () => {
  it('opens to what was sealed', () => {
    expect(Buffer.from(unseal(key, 'default/alice', seal(key, 'default/alice', secret)))).toEqual(secret);
  });

  it('seals the empty secret', () => {
    expect(unseal(key, 'a/b', seal(key, 'a/b', new Uint8Array(0)))).toHaveLength(0);
  });

  it('is deterministic, so that compiling the same folder twice changes nothing', () => {
    expect(seal(key, 'default/alice', secret)).toEqual(seal(key, 'default/alice', secret));
  });

  it.each([
    { what: 'another path', sealed: seal(key, 'default/bob', secret) },
    { what: 'another key', sealed: seal(Buffer.alloc(32, 8), 'default/alice', secret) },
    { what: 'a changed octet', sealed: flip(seal(key, 'default/alice', secret), 30) },
    { what: 'a changed nonce', sealed: flip(seal(key, 'default/alice', secret), 3) },
    { what: 'another version', sealed: flip(seal(key, 'default/alice', secret), 0) },
    { what: 'too few octets', sealed: seal(key, 'default/alice', secret).subarray(0, 10) },
  ])('does not open with $what', ({ sealed }) => {
    expect(() => unseal(key, 'default/alice', sealed)).toThrow(SealBrokenError);
  });

  it('uses another nonce for another plaintext or path', () => {
    const nonces = [
      seal(key, 'default/alice', secret),
      seal(key, 'default/bob', secret),
      seal(key, 'default/alice', Buffer.from('x')),
    ].map((sealed) => Buffer.from(sealed.subarray(1, 13)).toString('hex'));

    expect(new Set(nonces).size).toBe(3);
  });

  it('does not show the plaintext', () => {
    expect(Buffer.from(seal(key, 'default/alice', secret)).includes('hunter2')).toBe(false);
  });
});

function flip(sealed: Uint8Array, at: number): Uint8Array {
  const changed = Uint8Array.from(sealed);
  changed[at] = (changed[at] ?? 0) ^ 0x40;
  return changed;
}
