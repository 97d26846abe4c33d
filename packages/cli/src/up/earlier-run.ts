/**
 * What a killed `railpost up` leaves behind: services that noticed (their IPC channel broke) and drain by themselves. Their
 * ports, leases and Maildirs are free only when they have ended.
 */
import { readRunFile, removeRunFile } from '../platform/run-file.ts';
import { commandLineOf, isAlive } from './processes-of.ts';
import type { Terminal } from './terminal.ts';
import { waitUntil } from './wait-until.ts';

/** Longer than any drain. */
const limitMs = 25_000;

/** Waits until they have ended. @throws Complaint naming those that do not end */
export async function waitForEarlierRun(
  data: string,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const earlier = await readRunFile(data);
  const left = () =>
    (earlier?.processes ?? []).filter(
      ({ pid, name }) => pid > 0 && isAlive(pid) && commandLineOf(pid).includes(name),
    );
  if (left().length > 0) {
    terminal.progress(`waiting for ${left().length} processes of an earlier run to stop`);
    const complaint = () => {
      const names = left().map(({ pid, name }) => `${name} (process ${pid})`);
      return `processes of an earlier run do not stop: ${names.join(', ')}; end them by hand`;
    };
    await waitUntil({ limitMs, stepMs: 100, signal, complaint }, () => left().length === 0);
  }
  await removeRunFile(data);
}
