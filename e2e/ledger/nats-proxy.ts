/**
 * A TCP proxy in front of NATS that can cut off one client: what it sends and what is sent to it stays in the proxy until the cut is
 * mended, as in a network that loses packets and comes back. Clients are told apart by the name in their CONNECT.
 */
import { type Server, type Socket, createConnection, createServer } from 'node:net';

/** A running proxy. */
export interface NatsProxy {
  readonly url: string;
  /** Cuts off the clients whose name contains this; also those that connect meanwhile. */
  cut(name: string): void;
  /** Ends the cut. */
  mend(): void;
  close(): Promise<void>;
}

/** Starts one. @param port of the server on 127.0.0.1 */
export async function startNatsProxy(port: number): Promise<NatsProxy> {
  const links = new Set<Link>();
  let cutName: string | undefined;
  const server: Server = createServer({ noDelay: true }, (client) => {
    const link = new Link(client, port, () => cutName);
    links.add(link);
    client.on('close', () => links.delete(link));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const ownPort = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `nats://127.0.0.1:${ownPort}`,
    cut(name) {
      cutName = name;
      for (const link of links) link.look();
    },
    mend() {
      cutName = undefined;
      for (const link of links) link.look();
    },
    async close() {
      for (const link of links) link.end();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** One connection and its other half. */
class Link {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #cutName: () => string | undefined;
  #name = '';

  constructor(client: Socket, port: number, cutName: () => string | undefined) {
    this.#client = client;
    this.#cutName = cutName;
    this.#server = createConnection({ host: '127.0.0.1', port, noDelay: true });
    this.#join(client, this.#server);
    this.#join(this.#server, client);
    client.on('data', (data: Buffer) => this.#learnName(data));
  }

  /** Begins or ends the cut for this connection. */
  look(): void {
    const name = this.#cutName();
    const isCut = name !== undefined && this.#name.includes(name);
    for (const socket of [this.#client, this.#server]) {
      if (isCut) socket.pause();
      else socket.resume();
    }
  }

  end(): void {
    this.#client.destroy();
    this.#server.destroy();
  }

  #join(from: Socket, to: Socket): void {
    from.on('data', (data: Buffer) => to.write(data));
    from.on('close', () => to.destroy());
    from.on('error', () => to.destroy());
  }

  #learnName(data: Buffer): void {
    if (this.#name !== '') return;
    this.#name = /"name":"([^"]+)"/.exec(data.toString('latin1'))?.[1] ?? '';
    if (this.#name !== '') this.look();
  }
}
