/**
 * Who may connect: on Internal only clients of the trusted networks, everywhere only so many connections of one address
 * (per process and listener; Postfix smtpd_client_connection_count_limit). Asked once per connection, told when it ends.
 */
import { BlockList } from 'node:net';
import type { ListenerSettings } from '@railpost/config';
import type { StatusName } from './statuses.ts';

/** Counts connections of clients, on each listener. */
export class ClientGate {
  /** Keys: {@link keyOf}. */
  readonly #counts = new Map<string, number>();

  /** Why the connection is refused, or undefined. In both cases {@link leave} must follow. */
  enter(address: string, listener: ListenerSettings, networks: BlockList): StatusName | undefined {
    const key = keyOf(address, listener);
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    if (listener.role === 'Internal' && !networks.check(address, address.includes(':') ? 'ipv6' : 'ipv4')) {
      return 'networkDenied';
    }
    const limit = listener.limits.connectionsPerClient;
    return limit > 0 && count > limit ? 'tooManyConnections' : undefined;
  }

  /** A connection has ended. */
  leave(address: string, listener: ListenerSettings): void {
    const key = keyOf(address, listener);
    const count = (this.#counts.get(key) ?? 1) - 1;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
  }
}

function keyOf(address: string, listener: ListenerSettings): string {
  return `${listener.name} ${address}`;
}

/** CIDR prefixes as a set that can be asked. A prefix that is none (the compiler let it pass) matches nobody. */
export function networkSet(prefixes: readonly string[]): BlockList {
  const set = new BlockList();
  for (const prefix of prefixes) {
    const [network = '', length] = prefix.split('/');
    const family = network.includes(':') ? 'ipv6' : 'ipv4';
    try {
      set.addSubnet(network, Number(length ?? (family === 'ipv6' ? 128 : 32)), family);
    } catch {
      // Trusting nobody is the safe reading of a prefix that cannot be read.
    }
  }
  return set;
}
