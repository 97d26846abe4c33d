/**
 * Reads the crash points out of docs/durability.md, its last section: one table a part, one line a point, and in the last column the
 * faults that must be tried there. The document is the list; nothing repeats it. Throws when the section is not of that form: a
 * table that cannot be read would pass for one without rows.
 */

/** One fault at one point: what some test must carry as `[part.point fault]` in its name. */
export interface CrashPointRow {
  readonly part: string;
  readonly point: string;
  readonly fault: string;
  /** True for those that run with `--all` only. */
  readonly isLong: boolean;
  /** Where the process is then, in words. */
  readonly where: string;
}

/** Name of a row, as tests carry it. */
export function rowName(row: Pick<CrashPointRow, 'part' | 'point' | 'fault'>): string {
  return `${row.part}.${row.point} ${row.fault}`;
}

/** All rows of the document, in its order. @throws Error when a table is not of the form */
export function readRows(markdown: string): CrashPointRow[] {
  const section = markdown.split(/^## Crash points$/m)[1];
  if (section === undefined) throw new Error('docs/durability.md has no section "Crash points"');
  const [introduction = '', ...parts] = section.split(/^### /m);
  const faults = new Set(linesOf(introduction).map((cells) => unquote(cells[0] ?? '')));
  const rows = parts.flatMap((text) => rowsOfPart(text, faults));
  const names = rows.map(rowName);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`docs/durability.md has the row ${twice} twice`);
  return rows;
}

function rowsOfPart(text: string, faults: ReadonlySet<string>): CrashPointRow[] {
  const part = text.slice(0, text.indexOf('\n')).trim();
  const rows = linesOf(text).flatMap((cells) => {
    const [point = '', where = '', list = ''] = cells;
    const named = list.split(/\s+/).map(unquote);
    for (const fault of named) {
      if (!faults.has(fault.replace(/\+$/, '')))
        throw new Error(`docs/durability.md: ${part}.${point}: "${fault}" is no fault of its first table`);
    }
    return named.map((fault) => ({
      part,
      point: unquote(point),
      fault: fault.replace(/\+$/, ''),
      isLong: fault.endsWith('+'),
      where,
    }));
  });
  if (rows.length === 0) throw new Error(`docs/durability.md: part ${part} has no rows`);
  return rows;
}

/** Cells of the lines of a table, without its head. */
function linesOf(text: string): string[][] {
  const lines = text.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

function unquote(cell: string): string {
  const name = /^`([a-z0-9-]+\+?)`$/.exec(cell)?.[1];
  if (name === undefined) throw new Error(`docs/durability.md, crash points: ${cell} is not a \`name\``);
  return name;
}
