/** The table of crash points as people read it: one line a point, one word a fault, and what is wrong in full below it. */
import type { RowOutcome } from './outcomes.ts';
import { rowName } from './table.ts';

const marks: Readonly<Record<RowOutcome['result'], string>> = {
  held: 'held',
  FAILED: 'FAILED',
  MISSING: 'MISSING',
  later: '--all',
  'left out': '-',
};

/** Lines of the table. */
export function formatTable(outcomes: readonly RowOutcome[]): string {
  const points = Map.groupBy(outcomes, ({ row }) => `${row.part}.${row.point}`);
  const width = Math.max(...[...points.keys()].map((name) => name.length));
  const lines = [...points].map(([name, faults]) => {
    const cells = faults.map(({ row, result }) => `${row.fault} ${marks[result]}`);
    return `${name.padEnd(width)}  ${cells.join(', ')}`;
  });
  return lines.join('\n');
}

/** One line of sums: how many rows of each outcome. */
export function formatSums(outcomes: readonly RowOutcome[]): string {
  const results = Map.groupBy(outcomes, ({ result }) => result);
  const sums = [...results].map(([result, of]) => `${of.length} ${marks[result]}`);
  return `${outcomes.length} rows: ${sums.join(', ')}`;
}

/** What is wrong, one line each; empty when nothing is. */
export function problemsOf(outcomes: readonly RowOutcome[], unknown: readonly string[]): string[] {
  const rows = outcomes.flatMap(({ row, result }) => {
    if (result === 'FAILED') return [`[${rowName(row)}] failed: ${row.where}`];
    if (result === 'MISSING') return [`[${rowName(row)}] has no test: ${row.where}`];
    return [];
  });
  return [
    ...rows,
    ...unknown.map((name) => `a test names [${name}], which docs/durability.md does not have`),
  ];
}
