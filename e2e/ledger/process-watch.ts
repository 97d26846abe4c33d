/**
 * Which processes the platform has and had, and when and of what each died: a duplicate is explained only by the death of the process
 * that delivered first. A death that no fault of ours caused (a crash point, or a bug) is noticed by looking.
 */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import type { PlatformProcess } from '../support/platform.ts';
import { isAlive } from './processes.ts';

/** One death. */
export interface Death {
  readonly pid: number;
  readonly name: string;
  /** Milliseconds since the epoch; when nobody announced it, the moment it was noticed. */
  readonly atMs: number;
  readonly cause: string;
  /** It was told to stop, drained, and may have dropped nothing. */
  readonly isOrderly: boolean;
}

const lookEveryMs = 100;

/** Watches until closed. */
export class ProcessWatch {
  readonly #deaths = new Map<number, Death>();
  readonly #living = new Map<number, string>();
  readonly #list: () => Promise<readonly PlatformProcess[]>;
  readonly #unannounced: () => string;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /**
   * @param list the processes at the moment; may reject while there are none
   * @param unannounced cause of a death that no fault announced
   */
  constructor(list: () => Promise<readonly PlatformProcess[]>, unannounced: () => string) {
    this.#list = list;
    this.#unannounced = unannounced;
  }

  /** Deaths so far, in the order in which they were noticed. */
  get deaths(): readonly Death[] {
    return [...this.#deaths.values()];
  }

  start(): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#look().finally(() => this.start()), lookEveryMs);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /** How a process died; undefined while it lives. */
  deathOf(pid: number): Death | undefined {
    return this.#deaths.get(pid);
  }

  /** Writes down that a fault kills a process now. */
  announce(death: Omit<Death, 'atMs'>): void {
    if (!this.#deaths.has(death.pid)) this.#deaths.set(death.pid, { ...death, atMs: Date.now() });
  }

  /**
   * The process that holds the other end of a connection, by the kernel's tables. Looks at once: in a moment it may be dead.
   * @param service only processes of this service are looked at
   * @returns undefined when none of them does (any more)
   */
  processAt(peerPort: number, ownPort: number, service: string): number | undefined {
    const inode = inodeOf(peerPort, ownPort);
    if (inode === undefined) return undefined;
    for (const [pid, name] of this.#living) if (name.startsWith(service) && holds(pid, inode)) return pid;
    return undefined;
  }

  async #look(): Promise<void> {
    const listed = await this.#list().catch(() => []);
    for (const { pid, name } of listed) if (pid > 0 && isAlive(pid)) this.#living.set(pid, name);
    for (const [pid, name] of this.#living) {
      if (isAlive(pid)) continue;
      this.announce({ pid, name, cause: this.#unannounced(), isOrderly: false });
      this.#living.delete(pid);
    }
  }
}

function inodeOf(peerPort: number, ownPort: number): string | undefined {
  const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, '0');
  const table = readFileSync('/proc/net/tcp', 'latin1');
  const at = table.indexOf(`0100007F:${hex(peerPort)} 0100007F:${hex(ownPort)} `);
  return at === -1 ? undefined : table.slice(at, at + 200).split(/\s+/)[8];
}

function holds(pid: number, inode: string): boolean {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).some((name) => targetOf(`${folder}/${name}`) === `socket:[${inode}]`);
  } catch {
    return false; // it has died meanwhile
  }
}

function targetOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // closed meanwhile
  }
}
