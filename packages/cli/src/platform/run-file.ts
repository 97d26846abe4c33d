/**
 * `run.json` in the data folder: how to reach the platform that `railpost up` runs there. Written when it is ready, removed
 * when it stops; readable by its owner only. Other commands find the platform by it.
 */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

/** What stands in it. */
export const RunFile = z.object({
  version: z.literal(1),
  pid: z.number(),
  startedAt: z.string(),
  folders: z.array(z.string()),
  natsUrl: z.array(z.string()),
  natsMonitorUrl: z.array(z.string()),
  natsUser: z.string().optional(),
  natsPasswordFile: z.string().optional(),
  busPrefix: z.string(),
  spool: z.string(),
  platformKeyFile: z.string(),
  processes: z.array(
    z.object({
      service: z.string(),
      name: z.string(),
      pid: z.number(),
      /** Where its health can be asked. */
      httpUrl: z.string().optional(),
    }),
  ),
});
export type RunFile = z.infer<typeof RunFile>;

/** Path of the file in a data folder. */
function runFilePath(data: string): string {
  return join(data, 'run.json');
}

/** Writes it by rename. */
export async function writeRunFile(data: string, run: RunFile): Promise<void> {
  const draft = `${runFilePath(data)}.new`;
  await writeFile(draft, `${JSON.stringify(run, undefined, 2)}\n`, { mode: 0o600 });
  await rename(draft, runFilePath(data));
}

/** Reads it; undefined when there is none, or when it is none of ours. */
export async function readRunFile(data: string): Promise<RunFile | undefined> {
  try {
    return RunFile.parse(JSON.parse(await readFile(runFilePath(data), 'utf8')));
  } catch {
    // Missing, unreadable or of another version: all the same, nothing can be found by it.
    return undefined;
  }
}

/** Removes it. */
export async function removeRunFile(data: string): Promise<void> {
  await rm(runFilePath(data), { force: true });
}
