/**
 * The HTTP server of every process: `/healthz` (the event loop turns), `/readyz`, `/health` (JSON with what is wrong) and
 * `/metrics`. Readiness is false only while the process starts, has no configuration, or drains: in a shared outage it
 * stays true, so that clients hear 451 instead of a refused connection (blueprint section 8).
 */
import { once } from 'node:events';
import { type Server, type ServerResponse, createServer } from 'node:http';
import type { Registry } from 'prom-client';
import { SettingsError } from './errors.ts';

/** Life stage of a process. */
export type Stage = 'starting' | 'ready' | 'draining';

/** Facts that the probes show; asked at each request. */
export interface ProbeFacts {
  readonly service: string;
  readonly name: string;
  readonly release: string;
  readonly startedAt: string;
  stage(): Stage;
  /** What is wrong, one sentence each. */
  problems(): readonly string[];
  configurationRoot(): string;
}

/** A listening probe server. */
export interface ProbeServer {
  /** `http://127.0.0.1:9100`: where this process can be asked. */
  readonly url: string;
  close(): Promise<void>;
}

/** Opens the server. @throws SettingsError when the port is taken or may not be used */
export async function openProbeServer(
  at: { readonly port: number; readonly address: string },
  facts: ProbeFacts,
  metrics: Registry,
): Promise<ProbeServer> {
  const server = createServer((request, response) => {
    answer(request.url ?? '/', response, facts, metrics).catch(() => response.destroy());
  });
  server.requestTimeout = 10_000;
  server.listen(at.port, at.address);
  try {
    await once(server, 'listening');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new SettingsError('--http-port', `cannot listen on ${at.address}:${at.port} (${reason})`);
  }
  return {
    url: urlOf(server, at.address),
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function answer(
  url: string,
  response: ServerResponse,
  facts: ProbeFacts,
  metrics: Registry,
): Promise<void> {
  switch (url.split('?')[0]) {
    case '/healthz':
      return send(response, 200, 'text/plain', 'ok\n');
    case '/readyz':
      return send(response, facts.stage() === 'ready' ? 200 : 503, 'text/plain', `${facts.stage()}\n`);
    case '/health':
      return send(response, 200, 'application/json', `${JSON.stringify(details(facts))}\n`);
    case '/metrics':
      return send(response, 200, metrics.contentType, await metrics.metrics());
    default:
      return send(response, 404, 'text/plain', 'not found\n');
  }
}

function details(facts: ProbeFacts): Readonly<Record<string, unknown>> {
  return {
    service: facts.service,
    name: facts.name,
    release: facts.release,
    startedAt: facts.startedAt,
    stage: facts.stage(),
    configurationRoot: facts.configurationRoot(),
    problems: facts.problems(),
  };
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type });
  response.end(body);
}

function urlOf(server: Server, address: string): string {
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  const host = address === '0.0.0.0' || address === '::' ? '127.0.0.1' : address;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
