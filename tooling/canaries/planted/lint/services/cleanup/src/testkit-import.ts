/** Planted: the test kit in a shipped file. */
import { temporaryFile } from '@railpost/testkit';

/** A file. */
export function place(): string {
  return temporaryFile();
}
