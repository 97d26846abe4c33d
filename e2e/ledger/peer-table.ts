/**
 * Which process is at the other end of a connection, by the kernel's tables. Only the processes that it was told of are looked at, and
 * soon: in a moment they may be dead. A look at the tables takes milliseconds, however many connections are asked for.
 */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

/** A connection, by its ports on 127.0.0.1. */
export interface PeerQuestion {
  readonly peerPort: number;
  readonly ownPort: number;
}

/** Knows the living processes of the platform. */
export class PeerTable {
  /** Names by process id. */
  living: ReadonlyMap<number, string> = new Map();

  /**
   * The processes that hold the other ends of connections, in the order of the questions.
   * @param service only processes of this service are looked at
   * @returns undefined for a connection that none of them holds (any more)
   */
  processesAt(questions: readonly PeerQuestion[], service: string): (number | undefined)[] {
    const table = readFileSync('/proc/net/tcp', 'latin1');
    const inodes = questions.map((question) => inodeOf(table, question));
    const holders = this.#holdersOf(new Set(inodes), service);
    return inodes.map((inode) => (inode === undefined ? undefined : holders.get(inode)));
  }

  #holdersOf(inodes: ReadonlySet<string | undefined>, service: string): ReadonlyMap<string, number> {
    const holders = new Map<string, number>();
    for (const [pid, name] of this.living) {
      if (!name.startsWith(service)) continue;
      for (const inode of socketsOf(pid)) if (inodes.has(inode)) holders.set(inode, pid);
    }
    return holders;
  }
}

function inodeOf(table: string, { peerPort, ownPort }: PeerQuestion): string | undefined {
  const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, '0');
  const at = table.indexOf(`0100007F:${hex(peerPort)} 0100007F:${hex(ownPort)} `);
  return at === -1 ? undefined : table.slice(at, at + 200).split(/\s+/)[8];
}

function socketsOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).flatMap(
      (name) => /^socket:\[(\d+)\]$/.exec(targetOf(`${folder}/${name}`))?.[1] ?? [],
    );
  } catch {
    return []; // it has died meanwhile
  }
}

function targetOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // closed meanwhile
  }
}
