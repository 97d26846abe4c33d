/**
 * Mutants: durability rules broken on purpose, each by one line of the service that it concerns. They show that the crash points
 * and the ledger can fail: a mutant that survives them means that they check nothing (`npm run mutants`). A process takes one
 * by `--mutant NAME` only if its environment says RAILPOST_TEST_BUILD=loses-mail; otherwise it does not start.
 */
import { SettingsError } from './errors.ts';

/** What each mutant does, and the rule of docs/durability.md that it breaks. */
export const mutants = {
  'cleanup-acks-first': 'cleanup acknowledges INCOMING before the PubAcks of its jobs (rule 5)',
  'reply-before-put': 'smtp-ingress answers 250 before the PUT (rule 1)',
  'journal-before-effect': 'the owner journals `bounced` before the DSN exists (rules 5 and 6)',
  'fence-left-out': 'writes to DEFER expect nothing of `_epoch` (rule 4)',
  'spool-without-sync': 'the directory spool never calls fdatasync or fsync (rule 2)',
} as const satisfies Readonly<Record<string, string>>;

/** Name of a mutant. */
export type Mutant = keyof typeof mutants;

/** The variable that must be set, and its value. */
const permission = { name: 'RAILPOST_TEST_BUILD', value: 'loses-mail' } as const;

/** The mutant that `--mutant` names, if any. @throws SettingsError when there is no such one, or it is not permitted */
export function chooseMutant(
  written: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): Mutant | undefined {
  if (written === undefined) return undefined;
  if (environment[permission.name] !== permission.value) {
    const needed = `${permission.name}=${permission.value}`;
    throw new SettingsError('--mutant', `loses mail on purpose; for tests only, with ${needed}`);
  }
  if (!isMutant(written))
    throw new SettingsError('--mutant', `"${written}" is none of ${Object.keys(mutants).join(', ')}`);
  return written;
}

function isMutant(name: string): name is Mutant {
  return Object.hasOwn(mutants, name);
}
