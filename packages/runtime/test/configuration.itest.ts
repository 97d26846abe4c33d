import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bus, connectBus, ensureStreams } from '@railpost/bus';
import { type NatsServer, startNatsServer } from '@railpost/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  EventLog,
  type OpenConfigurationReader,
  ensurePlatformKey,
  openConfigurationReader,
  publishConfiguration,
  readPlatformKey,
} from '../src/index.ts';
import { compileSmall } from './folder.ts';

const key = randomBytes(32);
const mebibyte = 1024 ** 2;
/** Small streams: many tests share the server's storage. */
const streams = {
  shards: 1,
  generation: 1,
  maxBytes: { incoming: mebibyte, active: mebibyte, defer: mebibyte },
};
let server: NatsServer;
let bus: Bus;
let folder: string;
let lines: string[];
let problem: string | undefined;
const readers: OpenConfigurationReader[] = [];

beforeAll(async () => {
  server = await startNatsServer();
});

afterAll(() => server.stop());

beforeEach(async () => {
  const prefix = `rc${randomBytes(4).toString('hex')}`;
  bus = await connectBus({ servers: [server.url], monitorUrls: [server.monitorUrl], prefix, name: 'test' });
  await ensureStreams(bus, streams);
  folder = await mkdtemp(join(tmpdir(), 'railpost-configuration-'));
  lines = [];
});

afterEach(async () => {
  for (const reader of readers.splice(0)) await reader.close();
  await bus.close();
  await rm(folder, { recursive: true });
});

async function openReader(more: { signal?: AbortSignal; key?: Uint8Array } = {}) {
  const log = new EventLog({
    service: 'test',
    processName: 'one',
    format: 'json',
    level: 'info',
    write: (text) => lines.push(...text.trim().split('\n')),
  });
  const reader = await openConfigurationReader({
    bus,
    log,
    key: more.key ?? key,
    dataDirectory: folder,
    signal: more.signal ?? new AbortController().signal,
    setProblem: (text) => {
      problem = text;
    },
  });
  readers.push(reader);
  return reader;
}

describe('configuration', () => {
  it('reaches a reader, and an edit reaches it without restart within 2 s', async () => {
    const first = compileSmall(['alice'], key);
    await publishConfiguration(bus, first);
    const reader = await openReader();
    const changes: string[] = [];
    reader.onChange((snapshot) => changes.push(snapshot.root));
    const before = reader.current();

    await publishConfiguration(bus, compileSmall(['alice', 'bob'], key, first));
    await vi.waitFor(() => expect(reader.current().root).not.toBe(before.root), { timeout: 2000 });

    expect(changes).toEqual([reader.current().root]);
    expect(before.verifyRecipient('bob@example.test').verdict).toBe('unknown-user');
    expect(reader.current().verifyRecipient('bob@example.test').verdict).toBe('ours');
  });

  it('writes only what changed, and nothing for the same configuration', async () => {
    const first = compileSmall(['alice'], key);

    const initial = await publishConfiguration(bus, first);
    const again = await publishConfiguration(bus, compileSmall(['alice'], key, first));
    const edited = await publishConfiguration(bus, compileSmall(['alice', 'bob'], key, first));

    expect(initial.written.at(-1)).toBe('root');
    expect(again).toMatchObject({ written: [], deleted: [] });
    expect(edited.written).toEqual([expect.stringMatching(/^unit\./), 'root']);
    expect(edited.revision).toBeGreaterThan(initial.revision);
  });

  it('is not applied before every unit that the root names has come', async () => {
    const first = compileSmall(['alice'], key);
    await publishConfiguration(bus, first);
    const reader = await openReader();
    const { root } = reader.current();
    const second = compileSmall(['alice', 'bob'], key, first);
    const bucket = await bus.openKv(bus.names.configurationBucket);
    const unitKey = [...second.keys()].find((each) => each.startsWith('unit.')) ?? '';

    await bucket.put('root', second.get('root') ?? '');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(reader.current().root).toBe(root);

    await bucket.put(unitKey, second.get(unitKey) ?? '');
    await vi.waitFor(() => expect(reader.current().root).not.toBe(root), { timeout: 2000 });
  });

  it('stays in force when the bucket holds rubbish, and says so', async () => {
    await publishConfiguration(bus, compileSmall(['alice'], key));
    const reader = await openReader();
    const { root } = reader.current();

    await (await bus.openKv(bus.names.configurationBucket)).put('root', 'rubbish');
    await vi.waitFor(() => expect(lines.join('\n')).toContain('configuration-refused'), { timeout: 2000 });

    expect(reader.current().root).toBe(root);
  });

  it('stays in force when a unit in the bucket is damaged: a problem until it is published again', async () => {
    const first = compileSmall(['alice'], key);
    await publishConfiguration(bus, first);
    const reader = await openReader();
    const { root } = reader.current();
    const bucket = await bus.openKv(bus.names.configurationBucket);
    const unitKey = [...first.keys()].find((each) => each.startsWith('unit.')) ?? '';

    await bucket.put(unitKey, 'damaged');

    const waiting = { timeout: 10_000 };
    await vi.waitFor(() => expect(problem).toContain(`unit ${unitKey} in the bucket is damaged`), waiting);
    expect(reader.current().root).toBe(root);
    const { written } = await publishConfiguration(bus, first);
    expect(written).toEqual([unitKey]);
    await vi.waitFor(() => expect(problem).toBeUndefined(), waiting);
  });

  it('is kept on disk and started from when the bucket is empty', async () => {
    await publishConfiguration(bus, compileSmall(['alice'], key));
    const reader = await openReader();
    const { root } = reader.current();
    await readers.pop()?.close();
    await bus.manager.streams.purge(`KV_${bus.names.configurationBucket}`);

    const later = await openReader();

    expect(later.current().root).toBe(root);
    expect(later.current().verifyRecipient('alice@example.test').verdict).toBe('ours');
    await vi.waitFor(() => expect(lines.at(-1)).toContain('"origin":"disk"'));
  });

  it('is taken from the bucket, not from disk, when the bucket has a newer one', async () => {
    const first = compileSmall(['alice'], key);
    await publishConfiguration(bus, first);
    await openReader();
    await readers.pop()?.close();
    await publishConfiguration(bus, compileSmall(['bob'], key, first));

    const later = await openReader();

    expect(later.current().verifyRecipient('bob@example.test').verdict).toBe('ours');
  });

  it('is not started from a damaged copy', async () => {
    await publishConfiguration(bus, compileSmall(['alice'], key));
    await openReader();
    await readers.pop()?.close();
    await bus.manager.streams.purge(`KV_${bus.names.configurationBucket}`);
    const kept = join(folder, 'configuration');
    const unit = (await readdir(kept)).find((name) => name !== 'root.json') ?? '';
    await writeFile(join(kept, unit), 'damaged');

    const attempt = openReader({ signal: AbortSignal.timeout(500) });

    await expect(attempt).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(lines.join('\n')).toContain('missing or damaged');
  });

  it('reaches readers after the bucket was made anew', async () => {
    const first = compileSmall(['alice'], key);
    await publishConfiguration(bus, first);
    const reader = await openReader();
    await bus.manager.streams.delete(`KV_${bus.names.configurationBucket}`);
    await ensureStreams(bus, streams);
    await server.restart();
    await vi.waitFor(() => expect(bus.health().isHealthy).toBe(true), { timeout: 10_000 });

    await publishConfiguration(bus, compileSmall(['alice', 'bob'], key, first));

    await vi.waitFor(
      () => expect(reader.current().verifyRecipient('bob@example.test').verdict).toBe('ours'),
      { timeout: 5000 },
    );
  });
});

describe('secrets', () => {
  it('open with the platform key and are nowhere in the bucket or on disk', async () => {
    await publishConfiguration(bus, compileSmall(['alice'], key));
    const reader = await openReader();

    const secret = reader.unseal('default/mail-tls');
    const kept = join(folder, 'configuration');
    const files = await Promise.all(
      (await readdir(kept)).map((name) => readFile(join(kept, name), 'latin1')),
    );

    expect(secret).toEqual({
      'tls.crt': '-----BEGIN CERTIFICATE-----',
      'tls.key': '-----BEGIN PRIVATE KEY-----',
    });
    expect(files.join('')).not.toContain('PRIVATE KEY');
    expect(reader.unseal('default/nobody')).toBeUndefined();
  });

  it('stay closed with another key, and the log says so', async () => {
    await publishConfiguration(bus, compileSmall(['alice'], key));
    const reader = await openReader({ key: randomBytes(32) });

    expect(reader.unseal('default/mail-tls')).toBeUndefined();
    await vi.waitFor(() => expect(lines.join('\n')).toContain('secret-unreadable'));
  });
});

describe('platform key', () => {
  it('is made once and kept', async () => {
    const path = join(folder, 'keys', 'platform.key');

    const made = await Promise.all([ensurePlatformKey(path), ensurePlatformKey(path)]);

    expect(made[0]).toEqual(made[1]);
    expect(await readPlatformKey(path)).toEqual(made[0]);
  });

  it('that is none is refused with the name of the setting', async () => {
    const path = join(folder, 'short.key');
    await writeFile(path, 'c2hvcnQ=');

    await expect(readPlatformKey(path)).rejects.toThrow('--platform-key-file');
    await expect(readPlatformKey(join(folder, 'missing'))).rejects.toThrow('ENOENT');
  });
});
