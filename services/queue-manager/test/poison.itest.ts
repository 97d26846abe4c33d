/**
 * Damage that an owner meets: a cut journal object, a DEFER record that is none any more, a content that is found damaged when some of its
 * recipients have been served. Each is told, the rest goes on, and nobody is served twice who need not be.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CorruptRecord, type DeliveryJob, parseRecord } from '@railpost/contracts';
import { openJournalWriter } from '@railpost/spool';
import type { ServiceProcess } from '@railpost/testkit';
import { expect, it } from 'vitest';
import {
  type TestPlatform,
  delivered,
  enqueue,
  isDrained,
  makeJob,
  readJournal,
  startAgent,
  startManager,
  until,
} from './harness.ts';
import { shareServer } from './platforms.ts';

const open = shareServer();
let platform: TestPlatform;

async function problems(manager: ServiceProcess): Promise<string> {
  const url = String(manager.events.find(({ event }) => event === 'starting')?.['httpUrl']);
  return (await fetch(`${url}/health`)).text();
}

async function readCorrupt(): Promise<CorruptRecord[]> {
  const { bus } = platform;
  const { state } = await bus.manager.streams.info(bus.names.corruptStream);
  const records: CorruptRecord[] = [];
  for (let sequence = state.first_seq; sequence <= state.last_seq; sequence += 1) {
    const stored = await bus.manager.streams.getMessage(bus.names.corruptStream, { seq: sequence });
    if (stored !== null) records.push(CorruptRecord.parse(parseRecord(stored.data)));
  }
  return records;
}

/** One journal object that calls the jobs delivered, in this order; returns its path. */
async function journalTogether(...jobs: DeliveryJob[]): Promise<string> {
  const writer = openJournalWriter(platform.store, { generation: 1, shard: 0, epoch: 1 });
  const entries = jobs.flatMap(({ queueId, recipients }) =>
    recipients.map(({ orig, final, run, n }) => ({
      queueId,
      orig,
      final,
      run,
      n,
      kind: 'delivered' as const,
    })),
  );
  await writer.append(entries, {});
  await writer.close();
  const folder = join(platform.store.location.slice('dir:'.length), 'objects', 'journal', '1', '0');
  return join(folder, (await readdir(folder))[0] ?? '');
}

it('a cut journal object: what can be read of it counts, the rest is attempted again, and an alert says so', async () => {
  platform = await open();
  const [known, lost, fresh] = [makeJob(), makeJob(), makeJob()];
  const path = await journalTogether(known, lost);
  const octets = await readFile(path);
  await writeFile(path, octets.subarray(0, octets.length - 80));
  const agent = await startAgent(platform, 'smtp');

  const manager = await startManager(platform);
  await enqueue(platform, known, lost, fresh);
  await until(() => isDrained(platform));

  expect([known, lost, fresh].map(({ jobId }) => agent.count(jobId))).toEqual([0, 1, 1]);
  expect(await manager.waitForEvent('journal-damaged')).toMatchObject({ salvaged: 1 });
  expect(await problems(manager)).toMatch(
    /is damaged \(1 entries read all the same\): mail may be delivered twice/,
  );
  await writeFile(path, octets);
  await until(async () => !(await problems(manager)).includes('is damaged'), 30_000);
});

it('a DEFER record without header and content goes to CORRUPT under the message that it names', async () => {
  platform = await open();
  const { bus } = platform;
  const job = makeJob();
  const subject = bus.names.deferSubject(0, job.destination, job.jobId);
  await bus.jetstream.publish(subject, `{"version":1,"job":{"queueId":"${job.queueId}","nextHop`);

  const manager = await startManager(platform);
  await manager.waitForEvent('record-corrupt');

  await until(async () => (await readCorrupt()).length === 1);
  expect(await readCorrupt()).toMatchObject([
    { queueId: job.queueId, busSubject: subject, reason: 'not a DEFER record' },
  ]);
  await until(
    async () =>
      (await bus.manager.streams
        .getMessage(bus.names.deferStream(0), { last_by_subj: subject })
        .catch(() => null)) === null,
  );
});

it('recipients that were served before the damage of the content was noticed are journalled', async () => {
  platform = await open();
  await startAgent(platform, 'smtp', (task) => ({
    recipients: delivered(task).recipients.slice(0, 1),
    content: 'corrupt',
  }));
  const manager = await startManager(platform);
  const job = makeJob({ recipients: [{ final: 'served@x.test' }, { final: 'waits@x.test' }] });

  await enqueue(platform, job);
  await manager.waitForEvent('body-missing');
  await until(() => isDrained(platform));

  expect((await readJournal(platform, job.queueId)).map(({ final, kind }) => [final, kind])).toEqual([
    ['served@x.test', 'delivered'],
  ]);
  expect(await readCorrupt()).toMatchObject([
    { queueId: job.queueId, reason: 'content is damaged in the spool' },
  ]);
});
