/**
 * A proxy before a real S3 server that treats the first PUT of a segment badly: applies it and drops the answer, or holds it back
 * until the test, or the void object behind it, lets it through. Everything else passes as it is.
 */
import { type IncomingMessage, type ServerResponse, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * What happens to the first PUT of a segment. `drop`: it is applied, its answer is lost. `hold`: it is applied when `release` is called.
 * `race`: it is applied when the void object under its name arrives, just before that.
 */
export type PutFault = 'drop' | 'hold' | 'race';

/** A running proxy. */
export interface PutProxy {
  readonly endpoint: string;
  /** Applies the PUT that was held back; resolves with the server's status. */
  release(): Promise<number>;
  stop(): Promise<void>;
}

interface Held {
  readonly message: IncomingMessage;
  readonly body: Buffer;
}

/** Starts a proxy to `http://127.0.0.1:<port>`. */
export async function startPutProxy(endpoint: string, fault: PutFault): Promise<PutProxy> {
  const target = new URL(endpoint);
  let isArmed = true;
  let held: Held | undefined;

  /** Sends a request on, headers as they came: they are signed. */
  function pass({ message, body }: Held): Promise<{ status: number; headers: object; octets: Buffer }> {
    return new Promise((resolve, reject) => {
      const onward = request(
        { host: target.hostname, port: target.port, method: message.method, path: message.url },
        (reply) => {
          void readAll(reply).then((octets) =>
            resolve({ status: reply.statusCode ?? 500, headers: reply.headers, octets }),
          );
        },
      );
      for (let index = 0; index < message.rawHeaders.length; index += 2)
        onward.setHeader(message.rawHeaders[index] ?? '', message.rawHeaders[index + 1] ?? '');
      onward.once('error', reject);
      onward.end(body);
    });
  }

  async function release(): Promise<number> {
    const late = held;
    held = undefined;
    return late === undefined ? 0 : (await pass(late)).status;
  }

  async function serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readAll(message);
    const isSegment = message.method === 'PUT' && message.url?.includes('/segment/') === true;
    if (isSegment && isArmed && body.length > 0) {
      isArmed = false;
      if (fault === 'drop') {
        await pass({ message, body });
        message.socket.destroy();
      } else held = { message, body };
      return;
    }
    if (isSegment && fault === 'race') await release();
    const { status, headers, octets } = await pass({ message, body });
    response.writeHead(status, { ...headers });
    response.end(octets);
  }

  const server = createServer((message, response) => {
    serve(message, response).catch(() => message.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // a TCP server that listens has one
  return {
    endpoint: `http://127.0.0.1:${port}`,
    release,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function readAll(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer); // no encoding is set
  return Buffer.concat(chunks);
}
