/** A proxy in front of a real S3 server that passes requests on, answers for the server, or keeps silent. */
import { type IncomingMessage, type Server, type ServerResponse, createServer, request } from 'node:http';
import { once } from 'node:events';

/** `swallow`: the request is carried out, its answer never comes; `silent`: it never arrives. */
export type S3Fault = 'pass' | 'error500' | 'slowDown' | 'silent' | 'swallow';

/** A running proxy. */
export interface S3FaultProxy {
  readonly endpoint: string;
  fault: S3Fault;
  stop(): Promise<void>;
}

const answers: Readonly<Record<'error500' | 'slowDown', { readonly status: number; readonly code: string }>> =
  {
    error500: { status: 500, code: 'InternalError' },
    slowDown: { status: 503, code: 'SlowDown' },
  };

/** Starts a proxy; it keeps the host header, which is signed. */
export async function startS3FaultProxy(target: string): Promise<S3FaultProxy> {
  const server = createServer((asked, answer) => handle(asked, answer));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy: S3FaultProxy = {
    endpoint: `http://127.0.0.1:${portOf(server)}`,
    fault: 'pass',
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };

  function handle(asked: IncomingMessage, answer: ServerResponse): void {
    const { fault } = proxy;
    if (fault === 'silent') return void asked.resume();
    if (fault === 'error500' || fault === 'slowDown') {
      asked.resume();
      const { status, code } = answers[fault];
      answer.writeHead(status, { 'content-type': 'application/xml' });
      return void answer.end(
        `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`,
      );
    }
    const { method, url, headers } = asked;
    const passed = request(new URL(url ?? '/', target), {
      ...(method === undefined ? {} : { method }),
      headers,
    });
    passed.on('response', (came) => {
      if (fault === 'swallow') return came.resume();
      answer.writeHead(came.statusCode ?? 502, came.headers);
      return came.pipe(answer);
    });
    passed.on('error', () => answer.destroy());
    asked.pipe(passed);
  }

  return proxy;
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
