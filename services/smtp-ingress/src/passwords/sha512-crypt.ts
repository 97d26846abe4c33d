/**
 * SHA512-CRYPT (`$6$`, Drepper, "Unix crypt using SHA-256 and SHA-512", 2008), on node:crypto: the package of that name takes ten times as
 * long. Synchronous and slow on purpose (about 7 ms for 5,000 rounds): run it in the worker only.
 */
import { createHash, timingSafeEqual } from 'node:crypto';

/** A parsed `$6$[rounds=N$]salt$hash`. */
interface CryptHash {
  readonly rounds: number;
  readonly salt: Buffer;
  readonly digest: string;
}

/** Above this many rounds one login would hold the worker for seconds. */
const roundsLimit = 1_000_000;

/** True when the password matches; false also when the hash is malformed. */
export function verifySha512Crypt(hash: string, password: string): boolean {
  const parsed = parseHash(hash);
  if (parsed === undefined) return false;
  const digest = Buffer.from(encode(mix(Buffer.from(password, 'utf8'), parsed)));
  const wanted = Buffer.from(parsed.digest);
  return digest.length === wanted.length && timingSafeEqual(digest, wanted);
}

function parseHash(hash: string): CryptHash | undefined {
  const parts = /^\$6\$(?:rounds=(\d{1,9})\$)?([^$]{0,64})\$([./0-9A-Za-z]{86})$/.exec(hash);
  if (parts === null) return undefined;
  const rounds = Math.max(1000, Number(parts[1] ?? 5000));
  if (rounds > roundsLimit) return undefined;
  return { rounds, salt: Buffer.from((parts[2] ?? '').slice(0, 16), 'utf8'), digest: parts[3] ?? '' };
}

function sha512(...parts: readonly Buffer[]): Buffer {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** The digest after all rounds. Step names are those of the specification. */
function mix(password: Buffer, { rounds, salt }: CryptHash): Buffer {
  const digestB = sha512(password, salt, password);
  const partsA = [password, salt, repeatTo(digestB, password.length)];
  for (let bits = password.length; bits > 0; bits >>= 1) partsA.push((bits & 1) === 1 ? digestB : password);
  const digestA = sha512(...partsA);
  const bytesP = repeatTo(sha512(...Array<Buffer>(password.length).fill(password)), password.length);
  const bytesS = repeatTo(sha512(...Array<Buffer>(16 + (digestA[0] ?? 0)).fill(salt)), salt.length);
  let digest = digestA;
  for (let round = 0; round < rounds; round += 1) {
    const isOdd = (round & 1) === 1;
    const parts = [isOdd ? bytesP : digest];
    if (round % 3 !== 0) parts.push(bytesS);
    if (round % 7 !== 0) parts.push(bytesP);
    parts.push(isOdd ? digest : bytesP);
    digest = sha512(...parts);
  }
  return digest;
}

function repeatTo(block: Buffer, length: number): Buffer {
  return Buffer.alloc(length, block);
}

const alphabet = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Base 64 of crypt(3): groups of three octets, 21 apart, rotating; the last octet alone. */
function encode(digest: Buffer): string {
  let text = '';
  let [first, second, third] = [0, 21, 42];
  for (let group = 0; group < 21; group += 1) {
    const value = ((digest[first] ?? 0) << 16) | ((digest[second] ?? 0) << 8) | (digest[third] ?? 0);
    text += encodeBits(value, 4);
    [first, second, third] = [second + 1, third + 1, first + 1];
  }
  return text + encodeBits(digest[63] ?? 0, 2);
}

function encodeBits(value: number, characters: number): string {
  let text = '';
  let rest = value;
  for (let index = 0; index < characters; index += 1) {
    text += alphabet.charAt(rest & 0x3f);
    rest >>= 6;
  }
  return text;
}
