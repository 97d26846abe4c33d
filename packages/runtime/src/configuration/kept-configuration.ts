/**
 * The last good configuration on disk, under the process's data folder: `configuration/root.json` and one file per unit,
 * named by its hash, so that one edited Mailbox writes two files. A process whose bucket is empty or out of reach starts
 * from it. Secrets in it are sealed, as in the bucket.
 */
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ConfigRoot, parseRoot, rootUnitKey } from '@railpost/config';
import { ConfigurationInvalidError } from '../errors.ts';
import { hashUnit } from './unit-hash.ts';

const folderName = 'configuration';

/** Reads what was kept; undefined when nothing was. @throws ConfigurationInvalidError when it is damaged */
export async function readKeptConfiguration(
  dataDirectory: string,
): Promise<ReadonlyMap<string, Uint8Array> | undefined> {
  const folder = join(dataDirectory, folderName);
  const rootBytes = await readFile(join(folder, 'root.json')).catch(ignoreMissing);
  if (rootBytes === undefined) return undefined;
  const units = new Map<string, Uint8Array>([[rootUnitKey, rootBytes]]);
  for (const [key, hash] of Object.entries(parseKeptRoot(rootBytes).units)) {
    const bytes = await readFile(join(folder, hash)).catch(ignoreMissing);
    if (bytes === undefined || hashUnit(bytes) !== hash)
      throw new ConfigurationInvalidError(`unit ${key} in ${folder} is missing or damaged`);
    units.set(key, bytes);
  }
  return units;
}

/** Keeps a complete configuration; the root last, by rename. */
export async function keepConfiguration(
  dataDirectory: string,
  units: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  const folder = join(dataDirectory, folderName);
  await mkdir(folder, { recursive: true });
  const present = new Set(await readdir(folder));
  const wanted = new Set(['root.json']);
  for (const [key, bytes] of units) {
    if (key === rootUnitKey) continue;
    const hash = hashUnit(bytes);
    wanted.add(hash);
    if (!present.has(hash)) await replaceFile(folder, hash, bytes);
  }
  const root = units.get(rootUnitKey);
  if (root !== undefined) await replaceFile(folder, 'root.json', root);
  for (const name of present) if (!wanted.has(name)) await rm(join(folder, name), { force: true });
}

async function replaceFile(folder: string, name: string, bytes: Uint8Array): Promise<void> {
  const draft = join(folder, `.${name}.new`);
  await writeFile(draft, bytes, { flush: true, mode: 0o600 });
  await rename(draft, join(folder, name));
}

function parseKeptRoot(bytes: Uint8Array): ConfigRoot {
  try {
    return parseRoot(bytes);
  } catch (cause) {
    throw new ConfigurationInvalidError('the kept root is damaged or of another version', { cause });
  }
}

function ignoreMissing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
  throw error;
}
