/**
 * One platform per data folder: `up.lock` holds the process id. A lock whose process is gone (kill -9, power loss) is taken
 * over; ids are reused by the system, so the process must also look like ours.
 */
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Complaint } from '../complaint.ts';
import { commandLineOf, isAlive } from './processes-of.ts';

/** Holds the folder until released. */
export interface InstanceLock {
  release(): Promise<void>;
}

/** Takes the lock. @throws Complaint naming the process that holds it */
export async function lockDataFolder(data: string): Promise<InstanceLock> {
  await mkdir(data, { recursive: true });
  const path = join(data, 'up.lock');
  for (let attempt = 0; attempt < 3; attempt += 1) {
    if (await create(path)) return { release: () => rm(path, { force: true }) };
    const pid = Number((await readFile(path, 'utf8').catch(() => '')).trim());
    if (pid > 0 && pid !== process.pid && isAlive(pid) && isOurs(pid))
      throw new Complaint(
        `the data folder ${data} is in use by another instance (process ${pid}); stop it, or choose another folder with --data`,
      );
    await rm(path, { force: true });
  }
  throw new Complaint(`the data folder ${data} is being taken by another instance at this moment`);
}

function isOurs(pid: number): boolean {
  const commandLine = commandLineOf(pid);
  return commandLine === '' || (/railpost|cli\/src\/main/.test(commandLine) && commandLine.includes('up'));
}

async function create(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o600);
    await file.writeFile(`${process.pid}\n`);
    await file.close();
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}
