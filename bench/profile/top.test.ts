/** Tables of a CPU profile, from one small enough to be checked by hand. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCpuProfile } from './cpu-profile.ts';
import { drawFlame } from './flame.ts';
import { formatTop } from './top.ts';

const repository = new URL('../..', import.meta.url);
const frame = (functionName: string, url: string) => ({ functionName, url, lineNumber: 9 });
const ours = new URL('packages/bus/src/bus.ts', repository).href;
const theirs = new URL('node_modules/@nats-io/nats-core/lib/protocol.js', repository).href;

/** main calls publish 30 ms (own 10 ms), publish calls push 20 ms; 50 ms idle. */
const profile = {
  nodes: [
    { id: 1, callFrame: frame('(root)', ''), children: [2, 5] },
    { id: 2, callFrame: frame('publish', ours), children: [3] },
    { id: 3, callFrame: frame('push', theirs) },
    { id: 5, callFrame: frame('(idle)', '') },
  ],
  samples: [2, 3, 5],
  timeDeltas: [10_000, 20_000, 50_000],
};

describe('a CPU profile', () => {
  let folder = '';
  let path = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'railpost-profile-'));
    path = join(folder, 'cleanup-0.cpuprofile');
    await writeFile(path, JSON.stringify(profile));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('counts a function with all that it called, and waiting not at all', async () => {
    const root = await readCpuProfile(path);

    expect(root.totalMs).toBe(30);
    expect(root.children.map(({ name, selfMs, totalMs }) => ({ name, selfMs, totalMs }))).toContainEqual({
      name: 'publish',
      selfMs: 10,
      totalMs: 30,
    });
  });

  it('is told by owner of the code and by function', async () => {
    const text = formatTop(await readCpuProfile(path), 10);

    expect(text).toMatch(/npm @nats-io\/nats-core\s+20\s+66\.7 %/);
    expect(text).toMatch(/packages\/bus\s+10\s+33\.3 %/);
    expect(text).toContain('publish  packages/bus/src/bus.ts:10');
    expect(text).not.toContain(fileURLToPath(repository));
  });

  it('leaves out what came before the time to skip', async () => {
    const root = await readCpuProfile(path, 15);

    expect(root.totalMs).toBe(20);
  });

  it('is drawn with a box for each function', async () => {
    const svg = drawFlame(await readCpuProfile(path), 'cleanup-0');

    expect(svg.match(/<title>/g)).toHaveLength(3);
    expect(svg).toContain('<title>push @nats-io/nats-core/lib/protocol.js:10 66.7 %</title>');
  });
});
