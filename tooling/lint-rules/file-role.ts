/**
 * What a file is, told from its path alone: the layout is the same everywhere, so that rules (and readers) can rely on it.
 * Works on absolute paths; the last `services/`, `packages/` or `tooling/` in a path begins the part that counts.
 */

/** The role of one file. */
export interface FileRole {
  /** `services/cleanup`, `packages/mail`, `tooling`; empty for files of the root. */
  readonly unit: string;
  /** Path below the unit. */
  readonly path: string;
  readonly name: string;
  /** Tests, their support and the test kit: code that never ships. */
  readonly isTest: boolean;
  /** Decides only from its arguments: pure packages, and the folders and files of services that decide. */
  readonly isPure: boolean;
}

const purePackages: ReadonlySet<string> = new Set(['packages/mail', 'packages/contracts', 'packages/config']);
/** Whole units that never ship. */
const testUnits: ReadonlySet<string> = new Set(['packages/testkit', 'e2e', 'bench']);
const pureFolder = /(^|\/)(stages|policy|schedule)\//;

/** The role of the file with this absolute path. */
export function roleOf(filename: string): FileRole {
  const segments = filename.replaceAll('\\', '/').split('/');
  const start = segments.findLastIndex((each) =>
    /^(services|packages|tooling|operator|e2e|bench)$/.test(each),
  );
  const end = start + (/^(services|packages)$/.test(segments[start] ?? '') ? 2 : 1);
  const unit = start < 0 ? '' : segments.slice(start, end).join('/');
  const path = segments.slice(start < 0 ? -1 : end).join('/');
  const name = segments.at(-1) ?? '';
  const isTest =
    /\.(test|itest)\.(ts|mjs)$/.test(name) || /(^|\/)(test|testdata)\//.test(path) || testUnits.has(unit);
  return {
    unit,
    path,
    name,
    isTest,
    isPure: !isTest && (purePackages.has(unit) || isPureFolder(unit, path)),
  };
}

function isPureFolder(unit: string, path: string): boolean {
  return unit.startsWith('services/') && (pureFolder.test(path) || path === 'src/decide.ts');
}
