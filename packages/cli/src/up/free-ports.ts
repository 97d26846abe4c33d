/** Checks before anything starts that every port is free, and says which setting to change when one is not. */
import { createServer } from 'node:net';
import { Complaint } from '../complaint.ts';

/** A port that somebody of ours will open. */
export interface WantedPort {
  readonly port: number;
  /** What wants it, in words: `listener mx of the MailPlatform`. */
  readonly use: string;
  /** What to change: `spec.listeners or --port-offset`. */
  readonly setting: string;
}

/** @throws Complaint for the first port that cannot be opened or is wanted twice */
export async function checkPorts(address: string, wanted: readonly WantedPort[]): Promise<void> {
  const seen = new Map<number, WantedPort>();
  for (const each of wanted) {
    const other = seen.get(each.port);
    if (other !== undefined)
      throw new Complaint(
        `port ${each.port} is wanted by ${other.use} and by ${each.use}; change ${each.setting}`,
      );
    seen.set(each.port, each);
    const reason = await tryPort(address, each.port);
    if (reason !== undefined)
      throw new Complaint(`port ${each.port} on ${address} ${reason} (${each.use}); change ${each.setting}`);
  }
}

/** A free port of the loopback address. */
export function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const bound = server.address();
      server.close(() => resolve(typeof bound === 'object' && bound !== null ? bound.port : 0));
    });
  });
}

function tryPort(address: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(reasonOf(error)));
    server.listen(port, address, () => server.close(() => resolve(undefined)));
  });
}

function reasonOf(error: Error): string {
  const code = 'code' in error ? String(error.code) : error.message;
  if (code === 'EADDRINUSE') return 'is taken by another program';
  if (code === 'EACCES') return 'may not be opened by this user';
  if (code === 'EADDRNOTAVAIL') return 'cannot be opened: the address is not of this machine';
  return `cannot be opened (${code})`;
}
