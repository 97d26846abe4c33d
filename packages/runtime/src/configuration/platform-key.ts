/**
 * The platform key: 32 random octets in a file (base64, one line) that seals the secrets inside configuration units. Made
 * at the first start of `railpost up`; in a cluster a Secret that the operator makes once. Readable by its owner only.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SettingsError } from '../errors.ts';

const keyBytes = 32;

/** Reads the key. @throws SettingsError when the file is missing or holds no key */
export async function readPlatformKey(path: string): Promise<Buffer> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new SettingsError('--platform-key-file', `cannot read ${path} (${reason})`);
  }
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length !== keyBytes)
    throw new SettingsError('--platform-key-file', `${path} does not hold ${keyBytes} octets in base64`);
  return key;
}

/** Reads the key, or makes it when there is no file yet. Two processes that make it at once end with the same key. */
export async function ensurePlatformKey(path: string): Promise<Buffer> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, `${randomBytes(keyBytes).toString('base64')}\n`, { mode: 0o600 });
  try {
    await link(draft, path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    await unlink(draft);
  }
  return readPlatformKey(path);
}
