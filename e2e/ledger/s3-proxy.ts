/**
 * A proxy in front of a real S3 server that can misbehave: errors, silence, connections that tear, and PUTs that are applied long after
 * the client has given up. It keeps the Host header, so that signatures stay valid.
 */
import { type IncomingMessage, type ServerResponse, createServer, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from './random.ts';

/** How it misbehaves. `late-put`: applies PUTs seconds later and never answers them. */
export type S3Mode = 'none' | '500' | '503' | 'timeout' | 'torn' | 'late-put';

/** A running proxy. */
export interface S3Proxy {
  readonly endpoint: string;
  /** @param share of the requests that it happens to, 0 to 1 */
  misbehave(mode: S3Mode, share: number): void;
  close(): Promise<void>;
}

/** Longer than any deadline of a PUT. */
const silentMs = 30_000;
const longestLateMs = 15_000;

/** Starts one. @param endpoint of the server, `http://127.0.0.1:port` */
export async function startS3Proxy(endpoint: string, random: Random): Promise<S3Proxy> {
  const upstream = new URL(endpoint);
  let mode: S3Mode = 'none';
  let share = 0;
  const server = createServer((incoming, outgoing) => {
    const isHit = random.next() < share;
    void answer(incoming, outgoing, isHit ? mode : 'none').catch(() => outgoing.destroy());
  });

  async function answer(incoming: IncomingMessage, outgoing: ServerResponse, how: S3Mode): Promise<void> {
    const body = await readAll(incoming);
    if (how === '500') return sendError(outgoing, 500, 'InternalError');
    if (how === '503') return sendError(outgoing, 503, 'SlowDown');
    if (how === 'timeout') {
      await sleep(silentMs, undefined, { ref: false });
      outgoing.destroy();
      return;
    }
    if (how === 'late-put' && incoming.method === 'PUT') {
      await sleep(random.between(500, longestLateMs));
      await forward(incoming, body);
      outgoing.destroy();
      return;
    }
    const reply = await forward(incoming, body);
    if (how === 'torn') return tear(outgoing, reply);
    outgoing.writeHead(reply.status, reply.headers);
    outgoing.end(reply.body);
  }

  function forward(incoming: IncomingMessage, body: Buffer): Promise<Reply> {
    const { method, url: path } = incoming;
    const headers = { ...incoming.headers };
    delete headers.expect;
    return new Promise((resolve, reject) => {
      const outgoing = request(
        { host: upstream.hostname, port: upstream.port, method, path, headers },
        (reply) => {
          readAll(reply).then(
            (text) => resolve({ status: reply.statusCode ?? 500, headers: reply.headers, body: text }),
            reject,
          );
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    misbehave(newMode, newShare) {
      mode = newMode;
      share = newShare;
    },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

async function readAll(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

function sendError(outgoing: ServerResponse, status: number, code: string): void {
  outgoing.writeHead(status, { 'content-type': 'application/xml' });
  outgoing.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>injected</Message></Error>`);
}

/** The server has done it, and the client sees half an answer or none. */
function tear(outgoing: ServerResponse, reply: Reply): void {
  if (reply.body.length < 2) {
    outgoing.destroy();
    return;
  }
  outgoing.writeHead(reply.status, reply.headers);
  outgoing.write(reply.body.subarray(0, reply.body.length >> 1), () => outgoing.destroy());
}
