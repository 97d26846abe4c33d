/**
 * Looks every two seconds whether the volumes that mail is kept on have room: that of a spool in a directory, and those of the folders
 * named by --watched-folders (NATS's store, when it is on this machine). A volume is short of room when less is free than the reserve,
 * or than 5 % of the volume where that is less (Postfix: queue_minfree).
 */
import { SpoolUnavailableError, readDiskRoom } from '@railpost/spool';

/** A running watch. */
export interface DiskWatch {
  /** Which volume is short of room, or undefined. */
  roomProblem(): string | undefined;
  /** Which folder cannot be looked at, or undefined. */
  folderProblem(): string | undefined;
  stop(): void;
}

const everyMs = 2000;
const reservedShare = 0.05;
const mebibyte = 1024 * 1024;

/** Starts looking. @param reserveBytes 0: nothing is ever short */
export function watchDisks(folders: readonly string[], reserveBytes: number): DiskWatch {
  const short = new Map<string, string>();
  const missing = new Map<string, string>();
  let isLooking = false;

  async function lookAt(folder: string): Promise<void> {
    try {
      const { freeBytes, totalBytes } = await readDiskRoom(folder);
      missing.delete(folder);
      const neededBytes = Math.min(reserveBytes, totalBytes * reservedShare);
      if (freeBytes >= neededBytes) short.delete(folder);
      else
        short.set(
          folder,
          `the volume of ${folder} has ${inMebibytes(freeBytes)} free, ${inMebibytes(neededBytes)} are reserved`,
        );
    } catch (error) {
      if (!(error instanceof SpoolUnavailableError)) throw error;
      missing.set(folder, error.message);
    }
  }

  async function look(): Promise<void> {
    if (isLooking) return;
    isLooking = true;
    await Promise.all(folders.map(lookAt)).finally(() => {
      isLooking = false;
    });
  }

  const timer = setInterval(() => void look(), everyMs);
  void look();
  return {
    roomProblem: () => firstOf(short),
    folderProblem: () => firstOf(missing),
    stop: () => clearInterval(timer),
  };
}

function firstOf(problems: ReadonlyMap<string, string>): string | undefined {
  const [first] = problems.values();
  return first;
}

function inMebibytes(bytes: number): string {
  return `${Math.floor(bytes / mebibyte)} MiB`;
}
