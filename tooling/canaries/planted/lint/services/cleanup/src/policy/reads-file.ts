/** Planted: a policy that reads a file by an adapter. */
import { readWhenDue } from '@railpost/spool';

/** Reads. */
export async function decideByFile(): Promise<string | undefined> {
  return await readWhenDue('/etc/hostname', 0, 0);
}
