/** The table that a run ends with: one row a layout, and the sum. */
import type { PartResult } from './part.ts';
import { type Tally, emptyTally } from './verdict.ts';

const columns: readonly { readonly title: string; readonly value: (tally: Tally) => number }[] = [
  { title: 'accepted', value: (tally) => tally.accepted },
  { title: 'recipients', value: (tally) => tally.recipients },
  { title: 'once', value: (tally) => tally.deliveredOnce },
  { title: 'duplicates', value: (tally) => tally.duplicates },
  { title: 'bounced', value: (tally) => tally.returned },
  { title: 'queued', value: (tally) => tally.queued },
  { title: 'lost', value: (tally) => tally.lost },
  { title: 'unknown', value: (tally) => tally.unknown },
  { title: 'kills', value: (tally) => tally.kills },
];

/** Formats it as Markdown. */
export function formatTable(results: readonly PartResult[], total: Tally): string {
  const rows = new Map<string, { tally: Tally; strikes: Map<string, number> }>();
  for (const { layout, tally, strikes } of results) {
    const row = rows.get(layout) ?? { tally: emptyTally(), strikes: new Map<string, number>() };
    row.tally = addUp(row.tally, tally);
    for (const [name, count] of Object.entries(strikes))
      row.strikes.set(name, (row.strikes.get(name) ?? 0) + count);
    rows.set(layout, row);
  }
  const lines = [...rows].map(([layout, { tally, strikes }]) => {
    const names = [...strikes].map(([name, count]) => `${name} ${count}`).join(', ');
    return `| ${layout}: ${names} | ${columns.map(({ value }) => value(tally)).join(' | ')} |`;
  });
  return [
    `| faults | ${columns.map(({ title }) => title).join(' | ')} |`,
    `|---|${columns.map(() => '--:').join('|')}|`,
    ...lines,
    `| all | ${columns.map(({ value }) => value(total)).join(' | ')} |`,
  ].join('\n');
}

/** The sum of two tallies. */
export function addUp(left: Tally, right: Tally): Tally {
  return {
    accepted: left.accepted + right.accepted,
    recipients: left.recipients + right.recipients,
    unknown: left.unknown + right.unknown,
    deliveredOnce: left.deliveredOnce + right.deliveredOnce,
    duplicates: left.duplicates + right.duplicates,
    returned: left.returned + right.returned,
    queued: left.queued + right.queued,
    lost: left.lost + right.lost,
    kills: left.kills + right.kills,
  };
}
