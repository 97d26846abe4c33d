/** Facts about processes of this machine that the ledger did not start itself, and signals to them. Linux: reads /proc. */
import { readFileSync } from 'node:fs';

/** True when it runs or is stopped; a zombie does not live. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return false; // no such process
  }
}

/** Sends a signal. @returns false when the process had gone */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false; // it had ended by itself
  }
}

/** Children of a process. */
export function childrenOf(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
    return children === '' ? [] : children.split(' ').map(Number);
  } catch {
    return []; // it has ended
  }
}

/** Name of the program, as the kernel knows it (15 characters). */
export function programOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'latin1').trim();
  } catch {
    return ''; // it has ended
  }
}
