/** A stage: decides, and imports nothing that does anything. */
import { decide } from '@railpost/mail';

/** The first name that is due. */
export function chooseFile(names: readonly string[]): string {
  return names.find((_, index) => decide(index, 0).kind === 'accept') ?? 'none';
}
