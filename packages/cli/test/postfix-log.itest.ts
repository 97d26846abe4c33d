import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type RunningUp, type TestSite, makeSite, railpost, sendMail, startUp } from './running-platform.ts';

let site: TestSite;
let run: RunningUp;

beforeEach(async () => {
  site = await makeSite();
  run = startUp(site, '--log-format', 'postfix');
  await run.says('Railpost is ready');
}, 120_000);

afterEach(async () => {
  run.signal('SIGTERM');
  await run.exited;
  await site.remove();
}, 60_000);

/** All services' lines, as one syslog would hold them. */
async function readLogs(): Promise<string> {
  const folder = join(site.data, 'log');
  const names = (await readdir(folder)).filter((name) => name !== 'nats-server.log');
  return (await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))).join('');
}

it('gives pflogsumm the lines from which its totals are right', async () => {
  const tool = ['/usr/sbin/pflogsumm', '/usr/bin/pflogsumm'].find((path) => existsSync(path));
  if (tool === undefined) throw new Error('pflogsumm is missing: apt-get install pflogsumm');

  await sendMail(site, 'alice@example.test');
  await sendMail(site, 'alice@example.test');
  const deferred = await sendMail(site, 'bob@partner.test');
  await expect(sendMail(site, 'nobody@example.test')).rejects.toThrow('550');
  await vi.waitFor(
    async () => {
      const lines = await readLogs();
      expect(lines).toMatch(new RegExp(`${deferred}: to=<bob@partner\\.test>.*status=deferred`));
      expect(lines.match(/: removed$/gm)).toHaveLength(2);
    },
    { timeout: 20_000, interval: 200 },
  );
  expect((await railpost(site, 'queue', 'list')).result).toContain(deferred);
  const report = execFileSync('perl', [tool], { input: await readLogs(), encoding: 'utf8' });

  const totals = [...report.matchAll(/^\s+(\d+)\s+(received|delivered|deferred|bounced|rejected)/gm)].map(
    ([, count, what]) => [what, Number(count)],
  );
  expect(Object.fromEntries(totals)).toEqual({
    received: 3,
    delivered: 2,
    deferred: 1,
    bounced: 0,
    rejected: 1,
  });
}, 120_000);
