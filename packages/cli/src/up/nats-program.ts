/** Finds a nats-server that is new enough: in PATH, then in the cache that `npm start` fills. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readEnvironment } from '@railpost/runtime';
import { Complaint } from '../complaint.ts';

const minimum: readonly [number, number, number] = [2, 15, 1];

/** Path of the program. @throws Complaint */
export function findNatsProgram(path = readEnvironment()['PATH'] ?? ''): string {
  const cached = fileURLToPath(new URL('../../../../.cache/bin/nats-server', import.meta.url));
  const candidates = [...path.split(delimiter).map((folder) => join(folder, 'nats-server')), cached];
  const tooOld: string[] = [];
  for (const candidate of candidates.filter((each) => existsSync(each))) {
    const version = versionOf(candidate);
    if (isNewEnough(version)) return candidate;
    tooOld.push(`${candidate} is ${version}`);
  }
  const found = tooOld.length === 0 ? '' : ` (${tooOld.join(', ')})`;
  throw new Complaint(
    `nats-server >= ${minimum.join('.')} is neither in PATH nor in .cache/bin${found}; \`npm start\` brings it, or install it from https://nats.io`,
  );
}

/** `2.15.1` from what `nats-server --version` prints; empty when it does not run. */
function versionOf(program: string): string {
  try {
    return /v(\d+\.\d+\.\d+)/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }))?.[1] ?? '';
  } catch {
    // Not executable here: another candidate may be.
    return '';
  }
}

/** Compares with 2.15.1. */
export function isNewEnough(version: string): boolean {
  const parts = version.split('.').map(Number);
  if (parts.length < 3) return false;
  for (const [index, wanted] of minimum.entries()) {
    const part = parts[index] ?? 0;
    if (part !== wanted) return part > wanted;
  }
  return true;
}
