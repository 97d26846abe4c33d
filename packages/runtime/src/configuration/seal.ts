/**
 * Sealing: AES-256-GCM under the platform key, so that secrets can travel in configuration units. The nonce is
 * HMAC-SHA-256(key, path and plaintext), cut to 96 bits: the same secret at the same path seals to the same octets, so
 * compiling is deterministic, and a nonce repeats only for equal plaintexts. The path is bound as additional data:
 * a sealed secret moved to another path does not open.
 * Layout: version octet 1, nonce (12), tag (16), ciphertext.
 */
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { SealBrokenError } from '../errors.ts';

const version = 1;
const nonceBytes = 12;
const tagBytes = 16;

/** Seals `plaintext` for `path` (`<namespace>/<name>`). */
export function seal(key: Uint8Array, path: string, plaintext: Uint8Array): Uint8Array {
  const nonce = nonceOf(key, path, plaintext);
  const cipher = createCipheriv('aes-256-gcm', derive(key, 'encrypt'), nonce);
  cipher.setAAD(Buffer.from(path));
  const sealed = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([Buffer.of(version), nonce, cipher.getAuthTag(), sealed]);
}

/** Opens what {@link seal} made. @throws SealBrokenError for another key, another path or changed octets */
export function unseal(key: Uint8Array, path: string, sealed: Uint8Array): Uint8Array {
  if (sealed[0] !== version || sealed.length < 1 + nonceBytes + tagBytes)
    throw new SealBrokenError(`sealed secret ${path} has an unknown form`);
  const nonce = sealed.subarray(1, 1 + nonceBytes);
  const decipher = createDecipheriv('aes-256-gcm', derive(key, 'encrypt'), nonce);
  decipher.setAAD(Buffer.from(path));
  decipher.setAuthTag(sealed.subarray(1 + nonceBytes, 1 + nonceBytes + tagBytes));
  try {
    const opened = decipher.update(sealed.subarray(1 + nonceBytes + tagBytes));
    return Buffer.concat([opened, decipher.final()]);
  } catch (cause) {
    throw new SealBrokenError(`sealed secret ${path} does not open`, { cause });
  }
}

function nonceOf(key: Uint8Array, path: string, plaintext: Uint8Array): Buffer {
  const hmac = createHmac('sha256', derive(key, 'nonce'));
  hmac
    .update(`${Buffer.byteLength(path)} `)
    .update(path)
    .update(plaintext);
  return hmac.digest().subarray(0, nonceBytes);
}

/** One key, two purposes: neither use says anything about the other. */
function derive(key: Uint8Array, purpose: string): Buffer {
  return createHmac('sha256', key).update(`railpost ${purpose}`).digest();
}
