/**
 * Poison: records on the bus that cannot be read, and damage in the spool. Each is set aside with its reason, the rest of the mail goes on,
 * and what can be saved comes back by one command. The test plays the damage: it writes to the streams and to the files of the spool.
 */
import { readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bus, connectBus } from '@railpost/bus';
import { type SmtpSink, startSmtpSink } from '@railpost/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleDomain, platformManifest, relayDomain } from '../../support/manifests.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';
import { sendRaw } from '../../support/raw-client.ts';
import { waitUntil } from '../../support/wait-until.ts';

interface Row {
  readonly queueId: string;
  readonly queue: string;
  readonly reversePath: string;
  readonly recipients: readonly string[];
  readonly reason?: string;
}

describe('poison', () => {
  let sink: SmtpSink;
  let platform: Platform;
  let bus: Bus;
  let isOpen = false;

  beforeAll(async () => {
    sink = await startSmtpSink({
      script: ({ verb }) => (verb === 'RCPT' && !isOpen ? '450 4.3.2 closed' : undefined),
    });
    platform = await startPlatform({
      manifests: (ports) => ({
        'platform.yaml': platformManifest(ports).replace(
          'minimum: 2s, maximum: 8s',
          'minimum: 3s, maximum: 3s',
        ),
        'example.yaml': exampleDomain(),
        'partner.yaml': relayDomain(
          'partner.test',
          '{mode: AcceptAll}',
          `{smtp: {hosts: [{host: 127.0.0.1, port: ${sink.port}}]}}`,
        ),
      }),
    });
    bus = await openBus();
  });
  afterAll(async () => {
    await bus.close();
    await platform.dispose();
    await sink.stop();
  });

  async function openBus(): Promise<Bus> {
    const run: { natsUrl: string[]; natsMonitorUrl: string[]; natsUser: string; natsPasswordFile: string } =
      JSON.parse(await readFile(join(platform.data, 'run.json'), 'utf8'));
    return connectBus({
      servers: run.natsUrl,
      monitorUrls: run.natsMonitorUrl,
      user: run.natsUser,
      passwordFile: run.natsPasswordFile,
      name: 'poison',
    });
  }

  async function rows(queue: string): Promise<Row[]> {
    const { stdout } = await platform.command('queue', 'list', '--json', '--queue', queue);
    const parsed: Row[] = JSON.parse(stdout);
    return parsed;
  }

  /** Sends a message; returns its queue id. */
  async function send(recipient: string): Promise<string> {
    const reply = await sendRaw({
      port: platform.ports.mx,
      reversePath: 'bob@example.test',
      recipients: [recipient],
      content: Buffer.from(`Subject: ${recipient}\r\n\r\n${'x'.repeat(500)}\r\n`),
    });
    return / as (\w{16})/.exec(reply)?.[1] ?? '';
  }

  async function deferred(recipient: string): Promise<string> {
    isOpen = false;
    const queueId = await send(recipient);
    await waitUntil('the deferred job', async () =>
      (await rows('deferred')).find((each) => each.queueId === queueId),
    );
    return queueId;
  }

  function corrupt(queueId: string): Promise<Row> {
    return waitUntil('the corrupt record', async () =>
      (await rows('corrupt')).find((each) => each.queueId === queueId),
    );
  }

  const arrivals = (recipient: string): number =>
    sink.messages.filter((each) => each.recipients.includes(recipient)).length;

  /** The rest of the mail. */
  async function expectMailGoesOn(name: string): Promise<void> {
    await send(`${name}@example.test`.replace(/^.*@/, 'alice@'));
    isOpen = true;
    await send(`${name}-other@partner.test`);
    await waitUntil('other mail', () => arrivals(`${name}-other@partner.test`) === 1);
  }

  async function expectSaved(queueId: string, recipient: string): Promise<void> {
    const result = await platform.command('queue', 'requeue', queueId);
    expect(result).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('put back for 1 of 1 recipients'),
    });
    isOpen = true;
    await waitUntil('the saved message', () => arrivals(recipient) === 1, 40_000);
    await waitUntil('an empty corrupt queue', async () => (await rows('corrupt')).length === 0);
  }

  /** Path of the segment that a message lies in. */
  async function segmentOf(queueId: string): Promise<string> {
    const { stdout } = await platform.command('queue', 'show', queueId, '--json');
    const shown: { body: { key: string } } = JSON.parse(stdout);
    return join(platform.data, 'spool', 'objects', shown.body.key);
  }

  async function flipBit(path: string, position: number): Promise<void> {
    const octets = await readFile(path);
    const at = position < 0 ? octets.length + position : position;
    octets[at] = (octets[at] ?? 0) ^ 1;
    await writeFile(path, octets);
  }

  it('a record in INCOMING that is none is set aside; the message comes back from the spool', async () => {
    const queueId = await deferred('incoming@partner.test');

    await bus.jetstream.publish(bus.names.incomingSubject(queueId), '{"half a rec');

    const row = await corrupt(queueId);
    expect(row.reason).toMatch(/^cleanup: undecodable: /);
    const { stdout } = await platform.command('queue', 'show', queueId);
    expect(stdout).toMatch(/Corrupt +since \S+: cleanup: undecodable/);
    expect(stdout).toContain('Subject: incoming@partner.test');
    await expectMailGoesOn('incoming');
    await waitUntil('the message itself', () => arrivals('incoming@partner.test') === 1, 40_000);
    // All its recipients are finished by now, so nothing is sent twice.
    await waitUntil('an empty queue', async () => (await rows('deferred')).length === 0);
    const result = await platform.command('queue', 'requeue', queueId);
    expect(result).toMatchObject({
      code: 0,
      stdout: `${queueId}: every recipient is finished; nothing to put back\n`,
    });
    expect(await rows('corrupt')).toEqual([]);
    expect(arrivals('incoming@partner.test')).toBe(1);
  });

  it('a job in DEFER that is none any more is set aside; the message comes back', async () => {
    const queueId = await deferred('defer@partner.test');
    const stream = bus.names.deferStream(0);
    const { seq, subject } = await waitUntil('the DEFER record', async () => {
      for (let sequence = (await bus.manager.streams.info(stream)).state.first_seq; ; sequence += 1) {
        const stored = await bus.manager.streams.getMessage(stream, { seq: sequence }).catch(() => null);
        if (stored === null && sequence > (await bus.manager.streams.info(stream)).state.last_seq)
          return undefined;
        if (stored?.string().includes(queueId) === true) return stored;
      }
    });
    expect(seq).toBeGreaterThan(0);
    // Header and content are gone; found at the next takeover.
    await bus.jetstream.publish(subject, `{"job":{"version":1,"queueId":"${queueId}"`);
    await restart('queue-manager');

    const row = await corrupt(queueId);

    expect(row.reason).toBe('queue-manager: not a DEFER record');
    await expectMailGoesOn('defer');
    await expectSaved(queueId, 'defer@partner.test');
  });

  it('a job in ACTIVE that is none is set aside, and can be deleted when it names no message', async () => {
    await bus.jetstream.publish(`${bus.names.prefix}.act.0.smtp.deadbeef`, 'no job at all');

    const row = await waitUntil('the corrupt record', async () => (await rows('corrupt'))[0]);

    expect(row.queueId).toMatch(/^[0-9a-f]{32}$/);
    const requeued = await platform.command('queue', 'requeue', row.queueId);
    expect(requeued.code).toBe(1);
    expect(requeued.stdout).toContain('the record names no message');
    const status = await platform.command('status');
    expect(status.stdout).toContain('1 records in the corrupt queue wait for a human');
    const deleted = await platform.command('queue', 'delete', row.queueId);
    expect(deleted).toMatchObject({ code: 0, stdout: '0 jobs deleted; 1 removed from the corrupt queue\n' });
    expect(await rows('corrupt')).toEqual([]);
  });

  it('a flipped bit in a content is found before anything is sent; restored, the message comes back', async () => {
    const queueId = await deferred('flipped@partner.test');
    const path = await segmentOf(queueId);
    await flipBit(path, 300);
    isOpen = true;

    const row = await corrupt(queueId);

    expect(row).toMatchObject({
      reason: 'queue-manager: content is damaged in the spool',
      reversePath: 'bob@example.test',
      recipients: ['flipped@partner.test'],
    });
    expect(arrivals('flipped@partner.test')).toBe(0);
    await expectMailGoesOn('flipped');
    const refused = await platform.command('queue', 'requeue', queueId);
    expect(refused.code).toBe(1);
    expect(refused.stdout).toMatch(
      /its content cannot be read \(.*checksum differs.*\) .*\n.*restore segment\/\S+ from a backup/,
    );
    await flipBit(path, 300);
    await expectSaved(queueId, 'flipped@partner.test');
  });

  it('a missing content is no loss without a word; back in its place, the message comes back', async () => {
    const queueId = await deferred('missing@partner.test');
    const path = await segmentOf(queueId);
    await rename(path, `${path}.away`);
    isOpen = true;

    const row = await corrupt(queueId);

    expect(row.reason).toBe('queue-manager: content is missing in the spool');
    await rename(`${path}.away`, path);
    await expectSaved(queueId, 'missing@partner.test');
  });

  it.each([
    ['index', -100],
    ['footer', -20],
  ])(
    'a flipped bit in the %s of a segment does not keep its mail from being delivered',
    async (part, position) => {
      const queueId = await deferred(`${part}@partner.test`);
      const path = await segmentOf(queueId);
      await flipBit(path, position);
      isOpen = true;

      await waitUntil('the message', () => arrivals(`${part}@partner.test`) === 1, 40_000);

      expect(await rows('corrupt')).toEqual([]);
      await flipBit(path, position);
    },
  );

  it('a message of the corrupt queue that is deleted never comes back', async () => {
    const queueId = await deferred('deleted@partner.test');
    const path = await segmentOf(queueId);
    await flipBit(path, 300);
    isOpen = true;
    await corrupt(queueId);

    const result = await platform.command('queue', 'delete', queueId);

    expect(result).toMatchObject({ code: 0, stdout: '0 jobs deleted; 1 removed from the corrupt queue\n' });
    await flipBit(path, 300);
    await expectMailGoesOn('deleted');
    expect(arrivals('deleted@partner.test')).toBe(0);
    expect(await rows('corrupt')).toEqual([]);
  });

  it('a cut journal object stops no takeover, and says that mail may be delivered twice', async () => {
    const folder = join(platform.data, 'spool', 'objects', 'journal', '1', '0');
    const names = (await readdir(folder)).sort();
    const path = join(folder, names.at(-1) ?? '');
    const octets = await readFile(path);
    await writeFile(path, octets.subarray(0, octets.length - 70));

    await restart('queue-manager');

    const problem = await waitUntil(
      'the alert',
      async () =>
        /Problems:\n.*journal object \S+ is damaged.*/.exec((await platform.command('status')).stdout)?.[0],
    );
    expect(problem).toContain('mail may be delivered twice; restore it from a backup');
    await expectMailGoesOn('journal');
    await writeFile(path, octets);
    await waitUntil(
      'the end of the alert',
      async () => !(await platform.command('status')).stdout.includes('journal object'),
      60_000,
    );
  });

  it('damaged generation objects change nothing', async () => {
    const path = join(platform.data, 'spool', 'objects', 'generation', '1');
    await writeFile(path, 'garbage');
    await writeFile(join(platform.data, 'spool', 'objects', 'generation', 'x'), '');

    await restart('queue-manager');

    await expectMailGoesOn('generation');
    await rm(join(platform.data, 'spool', 'objects', 'generation', 'x'));
  });

  it('a damaged configuration unit changes nothing, is told, and is mended by the next start', async () => {
    const bucket = await bus.openKv(bus.names.configurationBucket);
    let unit = '';
    for await (const key of await bucket.keys('unit.>')) unit = key;

    await bucket.put(unit, 'damaged');

    await waitUntil('the alert', async () =>
      (await platform.command('status')).stdout.includes(
        `configuration unit ${unit} in the bucket is damaged`,
      ),
    );
    await expectMailGoesOn('configuration');
    await bus.close();
    await platform.stop();
    await platform.start();
    bus = await openBus();
    await waitUntil(
      'the end of the alert',
      async () => {
        const { stdout } = await platform.command('status');
        return stdout.includes('configuration  revision') && !stdout.includes('configuration unit');
      },
      60_000,
    );
  });

  /** kill -9; railpost up starts it again. */
  async function restart(service: string): Promise<void> {
    const before = (await platform.processes()).find((each) => each.service === service);
    process.kill(before?.pid ?? 0, 'SIGKILL');
    await waitUntil('its next life', async () =>
      (await platform.processes()).some((each) => each.service === service && each.pid !== before?.pid),
    );
  }
});
