/** The test kit of the canary workspace. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A path in the system's folder for temporary files. */
export function temporaryFile(): string {
  return join(tmpdir(), 'railpost-canary');
}
