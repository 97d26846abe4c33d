/**
 * Which name servers to ask: a list given as a setting, else those of the system's resolv.conf(5).
 * Nothing but `nameserver` lines is read: search lists must never complete the domain of a mailbox.
 */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';

/** Address of a name server. */
export interface NameServer {
  readonly address: string;
  readonly port: number;
}

/**
 * Parses `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1` or `[2001:db8::1]:5353`.
 * @throws RangeError when it is none of these
 */
export function parseNameServer(text: string): NameServer {
  if (isIP(text) !== 0) return { address: text, port: 53 };
  const parts = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::([0-9]{1,5}))?$/.exec(text);
  const address = parts?.[1] ?? parts?.[2] ?? '';
  const port = Number(parts?.[3] ?? 53);
  if (isIP(address) === 0 || port < 1 || port > 65535) throw new RangeError(`not a name server: "${text}"`);
  return { address, port };
}

/** The name servers of resolv.conf(5); 127.0.0.1 when it names none, as the C library does. */
export async function readSystemServers(path = '/etc/resolv.conf'): Promise<readonly NameServer[]> {
  const text = await readFile(path, 'utf8');
  const servers: NameServer[] = [];
  for (const line of text.split('\n')) {
    const [keyword, address] = line.trim().split(/\s+/);
    if (keyword === 'nameserver' && address !== undefined && isIP(address) !== 0)
      servers.push({ address, port: 53 });
  }
  return servers.length > 0 ? servers : [{ address: '127.0.0.1', port: 53 }];
}
