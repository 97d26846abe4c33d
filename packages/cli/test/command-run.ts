/** Runs a command with its output in strings, over folders that the test writes: for tests. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandOutput } from '../src/command-output.ts';

/** What a command said. */
export interface CommandRun {
  readonly code: number;
  readonly result: string;
  readonly complaint: string;
}

/** Runs it. */
export async function runCommand(
  command: (args: readonly string[], out: CommandOutput) => Promise<number>,
  ...args: string[]
): Promise<CommandRun> {
  let result = '';
  let complaint = '';
  const code = await command(args, {
    result: (text) => {
      result += text;
    },
    complaint: (text) => {
      complaint += text;
    },
  });
  return { code, result, complaint };
}

/** A folder with these files; calls `use` with its path and removes it afterwards. */
export async function withFolder<T>(
  files: Readonly<Record<string, string>>,
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'railpost-folder-'));
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
