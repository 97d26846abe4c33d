/** Planted: imports its importer. */
import { two } from './cycle-two.ts';

/** One. */
export function one(): number {
  return two() - 1;
}
