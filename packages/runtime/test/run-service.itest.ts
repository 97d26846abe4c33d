import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Bus, connectBus, ensureStreams } from '@railpost/bus';
import { type NatsServer, findFreePorts, startNatsServer } from '@railpost/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { listPresence, publishConfiguration } from '../src/index.ts';
import { compileSmall } from './folder.ts';

const program = fileURLToPath(new URL('toy-service.ts', import.meta.url));
let server: NatsServer;
let bus: Bus;
let prefix: string;
let folder: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  server = await startNatsServer();
});

afterAll(() => server.stop());

beforeEach(async () => {
  prefix = `rs${randomBytes(4).toString('hex')}`;
  folder = await mkdtemp(join(tmpdir(), 'railpost-service-'));
  bus = await connectBus({ servers: [server.url], monitorUrls: [server.monitorUrl], prefix, name: 'test' });
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await bus.close();
  await rm(folder, { recursive: true });
});

async function prepareBus(): Promise<void> {
  const maxBytes = { incoming: 1024 ** 2, active: 1024 ** 2, defer: 1024 ** 2 };
  await ensureStreams(bus, { shards: 1, generation: 1, maxBytes });
  await publishConfiguration(bus, compileSmall(['alice'], randomBytes(32)));
}

function start(more: readonly string[] = [], common: readonly string[] = commonFlags()) {
  const child = spawn(process.execPath, [program, ...common, ...more], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  children.push(child);
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('the toy has no pipes');
  let output = '';
  let errors = '';
  stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  // Not the event `close`: it does not come after the test itself has closed the IPC channel.
  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  const ended = Promise.all([exited, once(stdout, 'close'), once(stderr, 'close')]).then(([end]) => end);
  const said = (text: string) =>
    vi.waitFor(() => expect(output).toContain(text), { timeout: 15_000, interval: 20 });
  return { child, ended, said, output: () => output, errors: () => errors };
}

function commonFlags(): string[] {
  return [
    ['--nats-url', server.url],
    ['--nats-monitor-url', server.monitorUrl],
    ['--bus-prefix', prefix],
    ['--spool', `dir:${folder}/spool`],
    ['--data', `${folder}/data`],
    ['--http-port', '0'],
    ['--bind-address', '127.0.0.1'],
    ['--name', 'toy-1'],
  ].flat();
}

function httpUrl(output: string): string {
  return /"httpUrl":"([^"]+)"/.exec(output)?.[1] ?? '';
}

describe('a process', () => {
  it('starts, answers its probes, states its presence, drains at SIGTERM and ends with 0', async () => {
    await prepareBus();
    const toy = start();
    await toy.said('"event":"ready"');
    const url = httpUrl(toy.output());

    const ready = await fetch(`${url}/readyz`);
    const health: unknown = await (await fetch(`${url}/health`)).json();
    const metrics = await (await fetch(`${url}/metrics`)).text();
    await vi.waitFor(async () => expect(await listPresence(bus, 'toy')).toMatchObject([{ isReady: true }]));
    const [presence] = await listPresence(bus);
    toy.child.kill('SIGTERM');
    const end = await toy.ended;

    expect(ready.status).toBe(200);
    expect(health).toMatchObject({ service: 'toy', stage: 'ready', problems: ['the toy has a problem'] });
    expect(metrics).toMatch(/railpost_build_info\{service="toy",release="[^"]+"\} 1/);
    expect(metrics).toContain('process_cpu_seconds_total');
    expect(metrics).toMatch(/railpost_problems 1/);
    expect(presence).toMatchObject({ service: 'toy', name: 'toy-1', httpUrl: url });
    expect(presence?.configurationRoot).toMatch(/^[0-9a-f]{32}/);
    expect(end.code).toBe(0);
    expect(toy.output()).toContain('toy-stopped');
    expect(toy.errors()).toBe('');
    expect(await listPresence(bus, 'toy')).toEqual([]);
  });

  it('is not ready while it waits for its configuration, says what it waits for, and goes on when it comes', async () => {
    const toy = start();
    await toy.said('"event":"starting"');
    await toy.said('"event":"waiting"');
    const before = await fetch(`${httpUrl(toy.output())}/readyz`);

    await prepareBus();
    await toy.said('"event":"ready"');
    const after = await fetch(`${httpUrl(toy.output())}/readyz`);

    expect(before.status).toBe(503);
    expect(after.status).toBe(200);
  });

  it('can be stopped while it waits for NATS', async () => {
    const [port] = await findFreePorts(1);
    const flags = commonFlags().map((flag) => (flag === server.url ? `nats://127.0.0.1:${port}` : flag));
    const toy = start([], flags);
    await toy.said('"event":"waiting"');

    toy.child.kill('SIGTERM');
    const end = await toy.ended;

    expect(end.code).toBe(0);
  });

  it('ends at once at the second signal', async () => {
    await prepareBus();
    const toy = start(['--drain', '1m']);
    await toy.said('"event":"ready"');

    toy.child.kill('SIGTERM');
    await toy.said('"event":"draining"');
    toy.child.kill('SIGTERM');
    const end = await toy.ended;

    expect(end.code).toBe(130);
  });

  it('drains when the process that started it is gone', async () => {
    await prepareBus();
    const toy = start();
    await toy.said('"event":"ready"');

    toy.child.disconnect();
    const end = await toy.ended;

    expect(end.code).toBe(0);
    expect(toy.output()).toContain('toy-stopped');
  });

  it.each([
    { fault: 'create', says: 'toy bug in create' },
    { fault: 'later', says: 'toy bug later' },
    { fault: 'rejection', says: 'toy rejection' },
  ])('ends with 70 after a bug ($fault) and logs the stack', async ({ fault, says }) => {
    await prepareBus();
    const toy = start(['--fault', fault]);

    const end = await toy.ended;

    expect(end.code).toBe(70);
    expect(toy.output()).toContain(says);
    expect(toy.output()).toContain('"level":"error"');
  });

  it('ends with 70 after a bug in its drain', async () => {
    await prepareBus();
    const toy = start(['--fault', 'stop']);
    await toy.said('"event":"ready"');

    toy.child.kill('SIGTERM');

    expect((await toy.ended).code).toBe(70);
  });

  it('dies at the crash point that a test names', async () => {
    await prepareBus();
    const toy = start(['--crash-at', 'toy.created']);

    expect((await toy.ended).signal).toBe('SIGKILL');
  });

  it.each([
    { flags: ['--nonsense', '1'], says: 'railpost toy: --nonsense: unknown setting' },
    { flags: ['--drain', 'long'], says: 'railpost toy: --drain: "long" is not a duration' },
    { flags: ['--spool', 's3://'], says: 'railpost toy: --spool:' },
    {
      flags: ['--platform-key-file', '/nowhere'],
      says: 'railpost toy: --platform-key-file: cannot read /nowhere',
    },
  ])('refuses $flags with 78 and one line that names the field', async ({ flags, says }) => {
    const toy = start(flags);

    const end = await toy.ended;

    expect(end.code).toBe(78);
    expect(toy.errors()).toContain(says);
    expect(toy.errors().trim().split('\n')).toHaveLength(1);
  });

  it('says that its port is taken', async () => {
    await prepareBus();
    const first = start();
    await first.said('"event":"ready"');
    const port = new URL(httpUrl(first.output())).port;

    const second = start(['--http-port', port]);

    expect((await second.ended).code).toBe(78);
    expect(second.errors()).toContain(`--http-port: cannot listen on 127.0.0.1:${port} (EADDRINUSE)`);
  });

  it.each([
    { flag: '--version', says: /^\d+\.\d+\.\d+\n$/ },
    { flag: '--help', says: /--drain +Length of the drain\. \(default 0s; 0s to 1m; duration\)/ },
    { flag: '--print-config', says: /"RAILPOST_HTTP_PORT": 0/ },
    { flag: '--check-config', says: /^$/ },
  ])('answers $flag without starting', async ({ flag, says }) => {
    const toy = start([flag]);

    const end = await toy.ended;

    expect(end.code).toBe(0);
    expect(toy.output()).toMatch(says);
  });
});
