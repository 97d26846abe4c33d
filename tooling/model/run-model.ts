/**
 * Builds the model of the mail queue (docs/model, Go) and compares a run with what is committed: every line of expected.txt that belongs
 * to the level must come again, and no other. What is built has no violation but the two inherent ones; every mutant has one.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, runCommand, tail } from '../test/command.ts';
import { type ModelLine, differences, parseLines } from './compare.ts';

/** How much is run: seconds, about a minute, an hour. */
export type ModelLevel = 'quick' | 'usual' | 'all';

/** What a run said. */
export interface ModelRun {
  /** False: there is no Go, nothing was run. */
  readonly hasRun: boolean;
  readonly lines: readonly ModelLine[];
  /** One line each; empty when all is as committed. */
  readonly problems: readonly string[];
}

const folder = join(root, 'docs/model');
const minutes = 60_000;
const limitsMs: Readonly<Record<ModelLevel, number>> = {
  quick: 10 * minutes,
  usual: 25 * minutes,
  all: 240 * minutes,
};

/** Builds and runs a level. Never rejects for what the model finds. */
export async function runModel(level: ModelLevel): Promise<ModelRun> {
  const version = await runCommand(['go', 'version'], folder);
  if (version.code !== 0) return { hasRun: false, lines: [], problems: [] };
  const program = join(root, '.cache/bin/railpost-model');
  mkdirSync(join(root, '.cache/bin'), { recursive: true });
  for (const command of [
    ['go', 'vet', '.'],
    ['go', 'build', '-o', program, '.'],
  ]) {
    const result = await runCommand(command, folder);
    if (result.code !== 0)
      return { hasRun: true, lines: [], problems: [`${command.join(' ')}\n${tail(result.output)}`] };
  }
  const run = await runCommand([program, 'check', level], folder, limitsMs[level]);
  if (run.code !== 0) return { hasRun: true, lines: [], problems: [`the model ended\n${tail(run.output)}`] };
  const lines = parseLines(run.output);
  const expected = parseLines(readFileSync(join(folder, 'expected.txt'), 'utf8'));
  return { hasRun: true, lines, problems: differences(lines, expected) };
}
