import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startSmtpSink } from '@railpost/testkit';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type RunningUp, type TestSite, makeSite, railpost, sendMail, startUp } from './running-platform.ts';

let site: TestSite;
let run: RunningUp;

beforeAll(async () => {
  site = await makeSite();
  run = startUp(site, '--shards', '2', '--replicas', 'queue-manager=2', '--replicas', 'delivery-smtp=2');
  await run.says('Railpost is ready');
}, 120_000);

afterAll(async () => {
  run.signal('SIGTERM');
  await run.exited;
  await site.remove();
}, 60_000);

async function queued(queue: string): Promise<readonly string[]> {
  const { code, result } = await railpost(site, 'queue', 'list', '--queue', queue, '--json');
  expect(code).toBe(0);
  const entries: unknown = JSON.parse(result);
  return Array.isArray(entries) ? entries.map((each: { queueId: string }) => each.queueId) : [];
}

async function untilQueued(queue: string, queueId: string): Promise<void> {
  await vi.waitFor(async () => expect(await queued(queue)).toContain(queueId), {
    timeout: 20_000,
    interval: 100,
  });
}

/** Waits until each of the two queue managers owns a shard. */
async function ownersThatShare(): Promise<ReadonlySet<string>> {
  return vi.waitFor(
    async () => {
      const { result, code } = await railpost(site, 'status', '--json');
      const { shards } = JSON.parse(result) as { shards: { owner: string }[] };
      const names = new Set(shards.map(({ owner }) => owner).filter((owner) => owner !== ''));
      expect(names.size).toBe(2);
      expect(code).toBe(0);
      return names;
    },
    { timeout: 50_000, interval: 1000 },
  );
}

it('holds, releases, flushes and deletes on the running platform', async () => {
  // Until then a shard may be on its way from one owner to the other, and does not answer.
  await ownersThatShare();
  const kept = await sendMail(site, 'kept@partner.test');
  const dropped = await sendMail(site, 'dropped@partner.test');
  await untilQueued('deferred', kept);
  await untilQueued('deferred', dropped);

  const held = await railpost(site, 'queue', 'hold', kept);
  expect(held).toMatchObject({ code: 0, result: '1 job put on hold\n' });
  expect(await queued('hold')).toEqual([kept]);

  const deleted = await railpost(site, 'queue', 'delete', dropped);
  expect(deleted).toMatchObject({ code: 0, result: '1 job deleted\n' });
  expect(await queued('deferred')).toEqual([]);
  // INCOMING shows a message until the ack floor has passed it.
  const gone = await vi.waitFor(
    async () => {
      const shown = await railpost(site, 'queue', 'show', dropped);
      expect(shown).toMatchObject({ code: 1 });
      return shown;
    },
    { timeout: 40_000, interval: 500 },
  );
  expect(gone.complaint).toContain(`no queue has a message ${dropped}`);

  const sink = await startSmtpSink({ port: site.partnerPort });
  const flushed = await railpost(site, 'queue', 'flush');
  expect(flushed.result).toBe('0 jobs flushed\n');
  expect(await queued('hold')).toEqual([kept]);

  const released = await railpost(site, 'queue', 'release', kept, '--json');
  expect(JSON.parse(released.result)).toEqual({ operation: 'release', changed: 1, inFlight: 0 });
  const messages = await sink.waitForMessages(1, 30_000);
  expect(messages.map(({ recipients }) => recipients)).toEqual([['kept@partner.test']]);
  await vi.waitFor(
    async () => expect((await railpost(site, 'queue', 'list')).result).toBe('Mail queue is empty\n'),
    { timeout: 10_000 },
  );
  await sink.stop();
}, 120_000);

it('shows that two queue-managers share the shards', async () => {
  const owners = await ownersThatShare();

  expect([...owners].sort()).toEqual(['queue-manager-0', 'queue-manager-1']);
}, 60_000);

it('keeps the log of each process in the data folder', async () => {
  const logs = await readdir(join(site.data, 'log'));

  expect(logs).toEqual(
    expect.arrayContaining(['nats-server.log', 'queue-manager-1.log', 'delivery-smtp-1.log']),
  );
});
