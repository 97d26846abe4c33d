/**
 * Which process is at the other end of a connection, by the kernel's tables. Only the processes that it was told of are looked at, and at
 * once: in a moment they may be dead.
 */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

/** Knows the living processes of the platform. */
export class PeerTable {
  /** Names by process id. */
  living: ReadonlyMap<number, string> = new Map();

  /**
   * The process that holds the other end of a connection.
   * @param service only processes of this service are looked at
   * @returns undefined when none of them does (any more)
   */
  processAt(peerPort: number, ownPort: number, service: string): number | undefined {
    const inode = inodeOf(peerPort, ownPort);
    if (inode === undefined) return undefined;
    for (const [pid, name] of this.living) if (name.startsWith(service) && holds(pid, inode)) return pid;
    return undefined;
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
