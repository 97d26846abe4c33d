/**
 * Which crash point sees which mutant of the test build (packages/runtime, mutant.ts), and by what. The words of the failure are part
 * of it: a service that does not even start fails its test, too, and that shows nothing.
 */

/** A mutant and the test that it must fail. */
export interface MutantCase {
  /** Value of `--mutant`. */
  readonly mutant: string;
  /** Path that selects the test file. */
  readonly file: string;
  /** Row of docs/durability.md that the test carries. */
  readonly row: string;
  /** What its failure says when the rule is broken. */
  readonly says: RegExp;
}

/** All of them. `spool-without-sync` loses mail only with the power: it is the ledger that sees it (`--faults powercut`). */
export const mutantCases: readonly MutantCase[] = [
  {
    mutant: 'cleanup-acks-first',
    file: 'services/cleanup/test/crash-points.itest.ts',
    row: 'cleanup.decided kill',
    says: /expected \+?\d to be 3/,
  },
  {
    mutant: 'reply-before-put',
    file: 'services/smtp-ingress/test/crash-points.itest.ts',
    row: 'ingress.before-put kill',
    says: /expected '250' to be 'none'/,
  },
  {
    mutant: 'journal-before-effect',
    file: 'services/queue-manager/test/crash-points.itest.ts',
    row: 'owner.bouncing-before-dispatch kill',
    says: /to have a length of 2 but got 1/,
  },
  {
    mutant: 'fence-left-out',
    file: 'services/queue-manager/test/crash-points.itest.ts',
    row: 'owner.defer-before-write stop',
    says: /the condition did not come true in time|expected false to be true/,
  },
];
