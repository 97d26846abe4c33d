/**
 * What became of each row: the tests that carry its name, taken from vitest's JSON report. One failed test fails its row; a row that
 * no test carries is missing; a name that the document does not have is a mistake of the test.
 */
import { type CrashPointRow, rowName } from './table.ts';

/** One test of the report. */
export interface RanTest {
  readonly fullName: string;
  /** vitest's word; anything but `passed` is a failure. */
  readonly status: string;
}

/** A row and what became of it. `later`: it takes long and this run was a short one. `left out`: a filter excluded it. */
export interface RowOutcome {
  readonly row: CrashPointRow;
  readonly result: 'held' | 'FAILED' | 'MISSING' | 'later' | 'left out';
  readonly tests: number;
}

/** How much was asked for. */
export interface Scope {
  /** Long rows too. */
  readonly isAll: boolean;
  /** Only some files were run: a row without a test says nothing. */
  readonly isFiltered: boolean;
}

const excluded: ReadonlySet<string> = new Set(['skipped', 'pending']);

/** Outcome of every row. */
export function judgeRows(
  rows: readonly CrashPointRow[],
  tests: readonly RanTest[],
  scope: Scope,
): RowOutcome[] {
  // What a filter by name (`-t`) excluded is reported as skipped; nothing else may be.
  const ran = scope.isFiltered ? tests.filter(({ status }) => !excluded.has(status)) : tests;
  const byRow = Map.groupBy(
    ran.flatMap((test) => namesIn(test.fullName).map((name) => ({ name, test }))),
    ({ name }) => name,
  );
  return rows.map((row) => {
    const found = (byRow.get(rowName(row)) ?? []).map(({ test }) => test);
    return { row, tests: found.length, result: judge(row, found, scope) };
  });
}

/** Row names that tests carry and the document does not have. */
export function unknownNames(rows: readonly CrashPointRow[], tests: readonly RanTest[]): string[] {
  const known = new Set(rows.map(rowName));
  const named = new Set(tests.flatMap((test) => namesIn(test.fullName)));
  return [...named].filter((name) => !known.has(name)).sort();
}

function judge(row: CrashPointRow, found: readonly RanTest[], scope: Scope): RowOutcome['result'] {
  if (found.some((test) => test.status !== 'passed')) return 'FAILED';
  if (found.length > 0) return 'held';
  if (scope.isFiltered) return 'left out';
  return row.isLong && !scope.isAll ? 'later' : 'MISSING';
}

function namesIn(text: string): string[] {
  return [...text.matchAll(/\[([a-z]+\.[a-z0-9-]+ [a-z]+)\]/g)].map((match) => match[1] ?? '');
}
