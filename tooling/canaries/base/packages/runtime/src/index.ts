/** The runtime of the canary workspace: it may use adapters and pure packages. */
import { readWhenDue } from '@railpost/spool';

/** Reads a file that is always due. */
export async function start(file: string): Promise<string | undefined> {
  return await readWhenDue(file, 0, 0);
}
