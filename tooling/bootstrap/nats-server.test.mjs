/** Bringing nats-server: versions, sources in their order, checksums, and how soon an unreachable source is known. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { hasNatsServer, isNewEnough, parseVersion, platformName, provideNatsServer } from './nats-server.mjs';
import { fetchRelease } from './nats-server-release.mjs';
import { placesOf } from './places.mjs';

/** A program that says what nats-server says. */
const fakeServer = (/** @type {string} */ version) => `#!/bin/sh\necho "nats-server: v${version}"\n`;

/** @type {(() => unknown)[]} */
const cleanups = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe('the version', () => {
  it.each(
    /** @type {const} */ ([
      ['nats-server: v2.15.1\n', [2, 15, 1]],
      ['nats-server: v10.0.22\n', [10, 0, 22]],
      ['nats-server: v2.15.1-RC.1\n', undefined],
      ['nats-server: command not found\n', undefined],
      ['', undefined],
    ]),
  )('of %j is %j', (text, version) => {
    expect(parseVersion(text)).toEqual(version);
  });

  it.each(
    /** @type {const} */ ([
      [[2, 15, 1], true],
      [[2, 15, 2], true],
      [[2, 16, 0], true],
      [[3, 0, 0], true],
      [[2, 15, 0], false],
      [[2, 14, 9], false],
      [[1, 99, 99], false],
      [undefined, false],
    ]),
  )('%j is new enough: %j', (version, expected) => {
    expect(isNewEnough(version)).toBe(expected);
  });
});

describe('the official release', () => {
  it('is fetched from the server, held to its checksum and put into .cache/bin', async () => {
    const archive = releaseArchive('2.15.1');
    const { url, requests } = await serve((_, reply) => reply.end(archive));
    const { places, settings } = repository({ url, sha256: sha256(archive) });

    await provideNatsServer(places, settings, [releaseOnly()]);

    expect(await hasNatsServer(places)).toBe(true);
    expect(requests).toEqual([`/v2.15.1/nats-server-v2.15.1-${platformName()}.tar.gz`]);
  });

  it('follows the redirect with which a release host answers', async () => {
    const archive = releaseArchive('2.15.1');
    const { url } = await serve((request, reply) => {
      if (request.url === '/asset') reply.end(archive);
      else reply.writeHead(302, { location: '/asset' }).end();
    });
    const { places, settings } = repository({ url, sha256: sha256(archive) });

    await provideNatsServer(places, settings, [releaseOnly()]);

    expect(await hasNatsServer(places)).toBe(true);
  });

  it('is refused when its checksum is another, and the next source is asked', async () => {
    const { url } = await serve((_, reply) => reply.end(releaseArchive('2.15.1')));
    const { places, settings } = repository({ url, sha256: 'a'.repeat(64) });
    const next = source('next', fakeServer('2.15.3'));

    await provideNatsServer(places, settings, [releaseOnly(), next]);

    expect(readFileSync(join(places.binFolder, 'nats-server'), 'utf8')).toBe(fakeServer('2.15.3'));
  });

  it('leaves nothing behind when its checksum is another', async () => {
    const { url } = await serve((_, reply) => reply.end(releaseArchive('2.15.1')));
    const { places, settings } = repository({ url, sha256: 'a'.repeat(64) });

    await expect(provideNatsServer(places, settings, [releaseOnly()])).rejects.toThrow(/wrong checksum/);

    expect(await hasNatsServer(places)).toBe(false);
  });

  it('is refused when the binary says an older version', async () => {
    const archive = releaseArchive('2.15.1', '2.10.0');
    const { url } = await serve((_, reply) => reply.end(archive));
    const { places, settings } = repository({ url, sha256: sha256(archive) });

    await expect(provideNatsServer(places, settings, [releaseOnly()])).rejects.toThrow(/says it is 2\.10\.0/);
  });

  it('is known to be out of reach within 3 s when the server accepts and says nothing', async () => {
    const server = createTcpServer();
    const url = await listen(server);
    const { places, settings } = repository({ url, sha256: 'a'.repeat(64) });
    const startMs = performance.now();

    await expect(provideNatsServer(places, settings, [releaseOnly()])).rejects.toThrow(/out of reach/);

    expect(performance.now() - startMs).toBeLessThan(3000);
  });

  it('is known to be out of reach at once when nobody listens', async () => {
    const { places, settings } = repository({ url: 'http://127.0.0.1:1', sha256: 'a'.repeat(64) });

    await expect(provideNatsServer(places, settings, [releaseOnly()])).rejects.toThrow(
      /127\.0\.0\.1:1 is out of reach/,
    );
  });

  it('is not fetched at all where no checksum is pinned', async () => {
    const { url, requests } = await serve((_, reply) => reply.end());
    const { places, settings } = repository({ url, sha256: undefined });

    await expect(provideNatsServer(places, settings, [releaseOnly()])).rejects.toThrow(
      /no checksum is pinned/,
    );

    expect(requests).toEqual([]);
  });
});

describe('nats-server', () => {
  it('is taken from PATH when it is new enough, without asking any source', async () => {
    const { places, settings } = repository({ url: 'http://127.0.0.1:1', sha256: undefined });
    const folder = onPath('nats-server', fakeServer('2.15.1'));

    await provideNatsServer(places, settings, []);

    expect(await hasNatsServer(places)).toBe(true);
    expect(readFileSync(join(places.binFolder, 'nats-server'), 'utf8')).toBe(
      readFileSync(join(folder, 'nats-server'), 'utf8'),
    );
  });

  it('is not taken from PATH when it is older', async () => {
    const { places, settings } = repository({ url: 'http://127.0.0.1:1', sha256: undefined });
    onPath('nats-server', fakeServer('2.15.0'));

    await provideNatsServer(places, settings, [source('next', fakeServer('2.15.2'))]);

    expect(readFileSync(join(places.binFolder, 'nats-server'), 'utf8')).toBe(fakeServer('2.15.2'));
  });

  it('that no source has leads to one line that says what to install', async () => {
    const { places, settings } = repository({ url: 'http://127.0.0.1:1', sha256: undefined });
    const without = { name: 'Go', bring: async () => ({ reason: 'go is missing' }) };

    await expect(provideNatsServer(places, settings, [without])).rejects.toThrow(
      'nats-server 2.15.1 or newer is needed: install it into PATH (https://github.com/nats-io/nats-server/releases) and start again; it could not be brought (Go: go is missing)',
    );
  });
});

function releaseOnly() {
  return { name: 'official release', bring: fetchRelease };
}

/**
 * A source that has this program.
 * @param {string} name
 * @param {string} program
 */
function source(name, program) {
  return {
    name,
    bring: async (/** @type {import('./nats-server.mjs').Request} */ { folder }) => {
      const file = join(folder, 'nats-server');
      writeFileSync(file, program);
      return { file };
    },
  };
}

/** @param {{ url: string, sha256: string | undefined }} pinned */
function repository(pinned) {
  const folder = temporaryFolder();
  const natsPinsFile = join(folder, 'pins.json');
  const checksums = pinned.sha256 === undefined ? {} : { [platformName()]: pinned.sha256 };
  writeFileSync(
    natsPinsFile,
    JSON.stringify({ version: '2.15.1', release: { sha256: checksums }, wheel: { files: {} } }),
  );
  usePath('/usr/bin:/bin');
  return { places: placesOf(folder), settings: { natsReleasesUrl: pinned.url, natsPinsFile } };
}

/**
 * The tar.gz of a release whose binary may lie about its version.
 * @param {string} version
 * @param {string} [says]
 */
function releaseArchive(version, says = version) {
  const folder = temporaryFolder();
  const name = `nats-server-v${version}-${platformName()}`;
  mkdirSync(join(folder, name));
  writeFileSync(join(folder, name, 'nats-server'), fakeServer(says), { mode: 0o755 });
  execFileSync('tar', ['-czf', 'release.tar.gz', name], { cwd: folder });
  return readFileSync(join(folder, 'release.tar.gz'));
}

/** @param {Buffer} bytes */
function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}

/** @param {(request: import('node:http').IncomingMessage, reply: import('node:http').ServerResponse) => void} answer */
async function serve(answer) {
  /** @type {string[]} */
  const requests = [];
  const server = createServer((request, reply) => {
    requests.push(request.url ?? '');
    answer(request, reply);
  });
  return { url: await listen(server), requests };
}

/** @param {import('node:net').Server} server */
async function listen(server) {
  /** @type {Set<import('node:net').Socket>} */
  const sockets = new Set();
  server.on('connection', (socket) => sockets.add(socket));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : '';
}

function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'railpost-bootstrap-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * Puts a program first into PATH; returns its folder.
 * @param {string} name
 * @param {string} program
 */
function onPath(name, program) {
  const folder = temporaryFolder();
  writeFileSync(join(folder, name), program);
  chmodSync(join(folder, name), 0o755);
  usePath(`${folder}:${process.env['PATH']}`);
  return folder;
}

/** @param {string} path */
function usePath(path) {
  const before = process.env['PATH'];
  process.env['PATH'] = path;
  cleanups.push(() => {
    process.env['PATH'] = before;
  });
}
