import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startSmtpSink } from '@railpost/testkit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readRunFile } from '../src/platform/run-file.ts';
import { isAlive } from '../src/up/processes-of.ts';
import {
  type RunningUp,
  type TestSite,
  mailboxOf,
  makeSite,
  railpost,
  sendMail,
  startUp,
} from './running-platform.ts';

let site: TestSite;
const runs: RunningUp[] = [];

beforeEach(async () => {
  site = await makeSite();
});

afterEach(async () => {
  for (const run of runs.splice(0)) {
    run.signal('SIGTERM');
    await run.exited;
  }
  await site.remove();
});

function start(...more: readonly string[]): RunningUp {
  const run = startUp(site, ...more);
  runs.push(run);
  return run;
}

async function filesOf(localPart: string): Promise<readonly string[]> {
  const folder = join(site.data, 'mail', 'example.test', localPart, 'Maildir', 'new');
  return (await readdir(folder).catch(() => [])).map((name) => join(folder, name));
}

async function stop(run: RunningUp): Promise<number> {
  const startedAt = performance.now();
  run.signal('SIGTERM');
  await run.exited;
  return performance.now() - startedAt;
}

describe('railpost up', () => {
  it('runs the platform, delivers, takes edits, stops everything, and goes on with the queue after it', async () => {
    const first = start();
    await first.says('Railpost is ready');

    // Delivered and deferred.
    await sendMail(site, 'alice@example.test');
    const queueId = await sendMail(site, 'bob@partner.test');
    await vi.waitFor(async () => expect(await filesOf('alice')).toHaveLength(1), { timeout: 10_000 });
    const mail = await readFile((await filesOf('alice'))[0] ?? '', 'utf8');
    expect(mail).toContain('Hello alice@example.test');
    await vi.waitFor(
      async () => {
        const { result } = await railpost(site, 'queue', 'list', '--queue', 'deferred', '--json');
        expect(JSON.parse(result)).toMatchObject([{ queueId, recipients: ['bob@partner.test'] }]);
      },
      { timeout: 10_000 },
    );
    const shown = await railpost(site, 'queue', 'show', queueId);
    expect(shown.result).toContain('Reverse-path   <sender@elsewhere.test>');
    expect(shown.result).toContain('Subject: test');

    // Status.
    const status = await railpost(site, 'status', '--json');
    expect(JSON.parse(status.result)).toMatchObject({ problems: [], queues: { deferred: 1, incoming: 0 } });
    expect(status.code).toBe(0);

    // A good edit, then a wrong one.
    await writeFile(join(site.manifests, 'carol.yaml'), mailboxOf('carol'));
    await first.says('configuration revision 2 in force', 2000);
    await vi.waitFor(() => sendMail(site, 'carol@example.test'), { timeout: 2000 });
    await writeFile(join(site.manifests, 'dave.yaml'), mailboxOf('dave').replace('localPart', 'localPort'));
    await first.says(/dave\.yaml:4:\d+: error: .*localPort.*/, 2000);
    await first.says('has errors; the one before stays in force');
    const unwell = await railpost(site, 'status');
    expect(unwell.code).toBe(1);
    expect(unwell.result).toContain('dave.yaml');
    await rm(join(site.manifests, 'dave.yaml'));

    // The end.
    const pids = (await readRunFile(site.data))?.processes.map(({ pid }) => pid) ?? [];
    expect(pids).toHaveLength(7);
    const stopMs = await stop(first);
    expect(await first.exited).toBe(0);
    expect(stopMs).toBeLessThan(20_000);
    expect(pids.filter((pid) => isAlive(pid))).toEqual([]);
    expect(await readRunFile(site.data)).toBeUndefined();

    // The queue is still there; now the partner answers.
    const sink = await startSmtpSink({ port: site.partnerPort });
    const second = start();
    await second.says('Railpost is ready');
    await vi.waitFor(
      async () => expect((await railpost(site, 'queue', 'flush')).result).toContain('1 job flushed'),
      { timeout: 20_000, interval: 200 },
    );
    const [message] = await sink.waitForMessages(1, 20_000);
    expect(message?.recipients).toEqual(['bob@partner.test']);
    await vi.waitFor(
      async () => expect((await railpost(site, 'queue', 'list')).result).toBe('Mail queue is empty\n'),
      { timeout: 10_000 },
    );
    await sink.stop();
  }, 180_000);

  it('starts a process again that was killed, and says so', async () => {
    const run = start();
    await run.says('Railpost is ready');
    const victim = (await readRunFile(site.data))?.processes.find(
      ({ service }) => service === 'delivery-mailbox',
    );

    process.kill(victim?.pid ?? 0, 'SIGKILL');
    await run.says('delivery-mailbox-0: was ended by SIGKILL; starts again');
    await sendMail(site, 'alice@example.test');

    await vi.waitFor(async () => expect(await filesOf('alice')).toHaveLength(1), { timeout: 30_000 });
  }, 120_000);

  it('leaves nothing behind when it is killed, and the next start takes over', async () => {
    const first = start();
    await first.says('Railpost is ready');
    await sendMail(site, 'alice@example.test');
    const pids = (await readRunFile(site.data))?.processes.map(({ pid }) => pid) ?? [];

    first.signal('SIGKILL');
    await first.exited;
    const second = start();
    await second.says('Railpost is ready');

    expect(pids.filter((pid) => isAlive(pid))).toEqual([]);
    await sendMail(site, 'alice@example.test');
    await vi.waitFor(async () => expect(await filesOf('alice')).toHaveLength(2), { timeout: 30_000 });
  }, 120_000);

  it('refuses a data folder that another instance uses, in one line', async () => {
    const first = start();
    await first.says('starting nats-server');

    const second = start('--port-offset', '100');

    expect(await second.exited).toBe(1);
    expect(second.output().trim().split('\n').at(-1)).toBe(
      `railpost up: the data folder ${site.data} is in use by another instance (process ${first.pid}); stop it, or choose another folder with --data`,
    );
  }, 60_000);

  it('refuses a port that is taken, naming port and setting, in one line', async () => {
    const sink = await startSmtpSink({ port: site.smtpPort });

    const run = start();

    expect(await run.exited).toBe(1);
    expect(run.output()).toContain(
      `railpost up: port ${site.smtpPort} on 127.0.0.1 is taken by another program (listener mx of the MailPlatform, smtp-ingress-0); change spec.listeners of the MailPlatform, or --port-offset`,
    );
    await sink.stop();
  });

  it('starts nothing when the manifests have errors, and says file, line, field and reason', async () => {
    await writeFile(join(site.manifests, 'bob.yaml'), mailboxOf('Bob'));

    const run = start();

    expect(await run.exited).toBe(1);
    expect(run.output()).toMatch(/bob\.yaml:\d+:\d+: error: .*spec\.localPart/);
    expect(run.output()).toContain('railpost up: the manifests have errors; nothing was started');
    expect(await readdir(site.data)).toEqual([]);
  });

  it('stops at once when it is told to while starting', async () => {
    const run = start();
    await run.says('starting 7 processes');

    const stopMs = await stop(run);

    expect(await run.exited).toBe(0);
    expect(stopMs).toBeLessThan(20_000);
  }, 60_000);
});
