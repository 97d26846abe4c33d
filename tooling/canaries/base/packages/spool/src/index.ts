/** An adapter of the canary workspace: it reads a file, and may use pure packages. */
import { readFile } from 'node:fs/promises';
import { decide } from '@railpost/mail';

/** Reads a file if it is due; resolves to undefined otherwise. */
export async function readWhenDue(file: string, dueMs: number, nowMs: number): Promise<string | undefined> {
  return decide(dueMs, nowMs).kind === 'accept' ? await readFile(file, 'utf8') : undefined;
}
