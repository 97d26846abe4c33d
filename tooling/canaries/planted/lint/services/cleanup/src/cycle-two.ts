/** Planted: imports its importer. */
import { one } from './cycle-one.ts';

/** Two. */
export function two(): number {
  return one() + 1;
}
