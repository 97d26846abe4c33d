/** What a run with a mutant shows. Pure. */
import type { MutantCase } from './table.ts';

/** A test of the run. */
export interface MutantTest {
  readonly fullName: string;
  readonly status: string;
  readonly failureMessages?: readonly string[] | null;
}

/** Why the run does not show that the mutant is seen; undefined when it does. */
export function whyNotSeen(
  { mutant, row, says }: MutantCase,
  tests: readonly MutantTest[] | undefined,
): string | undefined {
  const own = tests?.filter(({ fullName }) => fullName.includes(`[${row}]`)) ?? [];
  if (own.length === 0) return `${mutant}: no test of row [${row}] ran`;
  const failed = own.filter(({ status }) => status === 'failed');
  if (failed.length === 0) return `${mutant} survives [${row}]`;
  // A message goes on with colours and a stack.
  const messages = failed.flatMap(({ failureMessages }) => failureMessages ?? []);
  if (messages.some((message) => says.test(message))) return undefined;
  return `${mutant}: [${row}] failed, but not by ${String(says)}: ${messages.join('; ').slice(0, 500)}`;
}
