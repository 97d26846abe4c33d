/** From vitest's JSON report to the table of crash points: shared by `npm run crash-points` and the step of `npm test`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../test/command.ts';
import { type RowOutcome, type Scope, judgeRows, unknownNames } from './outcomes.ts';
import { problemsOf } from './print.ts';
import { readRows } from './table.ts';

/** What the tests say about the rows of docs/durability.md. */
export interface RowCheck {
  readonly outcomes: readonly RowOutcome[];
  /** One line each; empty when every row held. */
  readonly problems: readonly string[];
}

/** Judges every row. @throws Error when the document cannot be read as tables */
export function checkRows(tests: readonly { fullName: string; status: string }[], scope: Scope): RowCheck {
  const rows = readRows(readFileSync(join(root, 'docs/durability.md'), 'utf8'));
  const outcomes = judgeRows(rows, tests, scope);
  return { outcomes, problems: problemsOf(outcomes, unknownNames(rows, tests)) };
}
