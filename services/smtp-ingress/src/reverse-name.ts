/**
 * The client's verified name: the reverse name whose own addresses include the client's (Postfix's client_hostname), `unknown` when
 * there is none, DNS does not answer in time, or too many clients ask at once. Answers are remembered for five minutes. Never
 * rejects; nobody waits for it longer than the bound.
 */
import { promises as dns } from 'node:dns';

/** DNS as this file needs it. */
export interface ReverseDns {
  reverse(address: string): Promise<string[]>;
  resolve(hostname: string, family: 4 | 6): Promise<string[]>;
}

/** Name of a client without a verified one. */
export const unknownName = 'unknown';

const boundMs = 2000;
const rememberMs = 300_000;
const rememberLimit = 10_000;
/** Lookups under way; beyond, clients stay unknown: a flood of addresses must not become a flood of questions. */
const lookupLimit = 200;

/** Finds names of clients. */
export class ReverseNames {
  readonly #dns: ReverseDns;
  readonly #nowMs: () => number;
  readonly #known = new Map<string, { readonly name: string; readonly untilMs: number }>();
  #lookups = 0;

  constructor(resolver: ReverseDns, nowMs: () => number) {
    this.#dns = resolver;
    this.#nowMs = nowMs;
  }

  /** The name if it is known without asking. */
  knownName(address: string): string | undefined {
    if (isLoopback(address)) return 'localhost';
    const known = this.#known.get(address);
    return known !== undefined && known.untilMs > this.#nowMs() ? known.name : undefined;
  }

  /** The name; resolves within two seconds. */
  async find(address: string): Promise<string> {
    const known = this.knownName(address);
    if (known !== undefined) return known;
    if (this.#lookups >= lookupLimit) return unknownName;
    this.#lookups += 1;
    let timer: NodeJS.Timeout | undefined;
    const bound = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(unknownName), boundMs);
      timer.unref();
    });
    const lookup = this.#lookUp(address).finally(() => {
      this.#lookups -= 1;
    });
    const name = await Promise.race([lookup, bound]);
    clearTimeout(timer);
    return name;
  }

  async #lookUp(address: string): Promise<string> {
    const name = await this.#verifiedName(address);
    if (this.#known.size >= rememberLimit) this.#known.clear();
    this.#known.set(address, { name, untilMs: this.#nowMs() + rememberMs });
    return name;
  }

  async #verifiedName(address: string): Promise<string> {
    try {
      const [name] = await this.#dns.reverse(address);
      if (name === undefined || !/^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9])?$/.test(name))
        return unknownName;
      const addresses = await this.#dns.resolve(name, address.includes(':') ? 6 : 4);
      return addresses.includes(address) ? name : unknownName;
    } catch {
      // No such name, or DNS is away: not knowing a name is no reason to refuse anybody.
      return unknownName;
    }
  }
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}

/** DNS of this machine. */
export function systemReverseDns(): ReverseDns {
  const resolver = new dns.Resolver({ timeout: 1000, tries: 2 });
  return {
    reverse: (address) => resolver.reverse(address),
    resolve: (hostname, family) => (family === 6 ? resolver.resolve6(hostname) : resolver.resolve4(hostname)),
  };
}
