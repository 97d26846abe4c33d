/** delivery-mailbox as a process: real NATS, real spool, mail read back from disk and by a real Dovecot. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type NatsServer, type ServiceProcess, startDovecot, startNatsServer } from '@railpost/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Platform, jobFor, preparePlatform } from './platform.ts';

const message = Buffer.from('Subject: hello\r\nReturn-Path: <forged@x>\r\n\r\nbody\r\n');
const users = Array.from({ length: 20 }, (_, index) => `user${index}`);

let server: NatsServer;
let platform: Platform;
/** A Mailbox for each test. */
let user: string;
let address: string;

beforeAll(async () => {
  server = await startNatsServer();
  platform = await preparePlatform(server);
  await platform.configure([...users, 'bob'], ['off']);
});
afterAll(async () => {
  await platform.close();
  await server.stop();
});

beforeEach(() => {
  user = users.shift() ?? '';
  address = `${user}@example.test`;
});

describe('delivery-mailbox', () => {
  let service: ServiceProcess;
  beforeAll(async () => {
    service = await platform.start();
  });
  afterAll(() => service.kill());

  it('writes the message with trace fields and edits, and reports it delivered', async () => {
    const job = jobFor(await platform.spool(message), [address], {
      edits: [{ at: 0, remove: 0, insert: 'Received: by us\r\n' }],
    });

    await platform.owner.dispatch('mailbox', [job]);
    const outcome = await platform.owner.outcomeOf(job.job.jobId);

    expect(outcome).toMatchObject({ content: 'read', isOwnFault: false });
    expect(outcome.recipients).toMatchObject([
      { final: address, disposition: 'delivered', status: { code: '2.0.0' }, relay: 'mailbox' },
    ]);
    const [file] = await filesIn(user, 'new');
    expect(file?.octets.toString()).toBe(`${traceFields()}Received: by us\nSubject: hello\n\nbody\n`);
    expect(await filesIn(user, 'tmp')).toEqual([]);
    const line = service.events.find((each) => each.event === 'disposition' && each['to'] === address);
    expect(line).toMatchObject({ to: address, origTo: `to.${address}`, status: 'sent', dsn: '2.0.0' });
  });

  it('answers for each recipient: delivered, unknown, disabled', async () => {
    const finals = [address, 'bob+tag@example.test', 'nobody@example.test', 'off@example.test'];
    const job = jobFor(await platform.spool(message), finals);

    await platform.owner.dispatch('mailbox', [job]);
    const { recipients } = await platform.owner.outcomeOf(job.job.jobId);

    expect(recipients.map(({ disposition, status }) => [disposition, status.code])).toEqual([
      ['delivered', '2.0.0'],
      ['delivered', '2.0.0'],
      ['bounced', '5.1.1'],
      ['bounced', '5.2.1'],
    ]);
    expect(recipients[2]?.status.text).toBe('unknown user: "nobody@example.test"');
    expect(await filesIn('bob', 'new')).toHaveLength(1);
  });

  it('finds a mailbox that was made a moment ago', async () => {
    const job = jobFor(await platform.spool(message), ['new@example.test']);

    await platform.owner.dispatch('mailbox', [job]);
    await platform.configure([...users, user, 'bob', 'new'], ['off']);
    const outcome = await platform.owner.outcomeOf(job.job.jobId);

    expect(outcome.recipients).toMatchObject([{ disposition: 'delivered' }]);
  });

  it('makes one file of a job that comes again, also after a mail reader has moved it', async () => {
    const job = jobFor(await platform.spool(message), [address]);
    await platform.owner.dispatch('mailbox', [job]);
    await platform.owner.outcomeOf(job.job.jobId);

    await platform.owner.dispatch('mailbox', [job]);
    expect((await platform.owner.outcomeOf(job.job.jobId)).recipients).toMatchObject([
      { disposition: 'delivered' },
    ]);
    const [file] = await filesIn(user, 'new');
    await rename(pathOf(user, 'new', file?.name), `${pathOf(user, 'cur', file?.name)}:2,S`);
    await platform.owner.dispatch('mailbox', [job]);
    expect((await platform.owner.outcomeOf(job.job.jobId)).recipients).toMatchObject([
      { disposition: 'delivered' },
    ]);

    expect(await filesIn(user, 'new')).toEqual([]);
    expect(await filesIn(user, 'cur')).toHaveLength(1);
  });

  it('keeps jobs apart that differ in anything', async () => {
    const content = await platform.spool(message);
    const jobs = [jobFor(content, [address]), jobFor(content, [address])];

    await platform.owner.dispatch('mailbox', jobs);
    for (const { job } of jobs) await platform.owner.outcomeOf(job.jobId);

    expect(await filesIn(user, 'new')).toHaveLength(2);
  });

  it('reports a body that is gone, and one that is corrupt, without touching the mailbox', async () => {
    const content = await platform.spool(message);
    const corrupt = jobFor({ ...content, sha256: '0'.repeat(64) }, [address]);
    const gone = jobFor({ ...content, key: `${content.key}x` }, [address]);

    await platform.owner.dispatch('mailbox', [corrupt, gone]);

    expect(await platform.owner.outcomeOf(corrupt.job.jobId)).toMatchObject({
      content: 'corrupt',
      recipients: [],
    });
    expect(await platform.owner.outcomeOf(gone.job.jobId)).toMatchObject({ content: 'gone', recipients: [] });
    expect(await filesIn(user, 'new')).toEqual([]);
  });

  it('defers when the file system refuses, and says so to the operator', async () => {
    // A file where the mailbox's folder should be: refused for any user, root too.
    await mkdir(join(platform.mailRoot, 'example.test'), { recursive: true });
    await writeFile(join(platform.mailRoot, 'example.test', user), '');
    const job = jobFor(await platform.spool(message), [address, 'bob@example.test']);

    await platform.owner.dispatch('mailbox', [job]);
    const outcome = await platform.owner.outcomeOf(job.job.jobId);

    expect(outcome.recipients).toMatchObject([
      { disposition: 'deferred', status: { code: '4.3.0' } },
      { disposition: 'delivered', status: { code: '2.0.0' } },
    ]);
    expect(outcome.isOwnFault).toBe(false);
    expect((await service.waitForEvent('mailbox-unwritable'))['level']).toBe('error');
  });
});

describe('mail in a Maildir, read by Dovecot', () => {
  afterEach(() => platform.killAll());

  const header = 'Subject: hello\r\nFrom: <a@b>\r\n\r\n';
  const cases: readonly (readonly [string, Buffer])[] = [
    ['8-bit octets', Buffer.from(`${header}\xe4\xf6\xfc \xff\x80\r\n`, 'latin1')],
    ['lines longer than anybody allows', Buffer.from(`${header}${'x'.repeat(200_000)}\r\n`)],
    ['dots at line starts', Buffer.from(`${header}.\r\n..\r\n.x\r\n`)],
    ['no final line end', Buffer.from(`${header}last line`)],
    ['empty lines at the end', Buffer.from(`${header}x\r\n\r\n\r\n`)],
    ['no body', Buffer.from(header)],
    ['NUL', Buffer.from(`${header}a\0b\r\n\0\r\n`)],
    ['a bare CR', Buffer.from(`${header}a\rb\r\r\nc\r\n`)],
    ['a line that mbox would quote', Buffer.from(`${header}From nobody\r\n`)],
    ['more than a megabyte', Buffer.concat([Buffer.from(header), hexLines(3 * 1024 * 1024)])],
  ];

  it('is octet by octet what was sent', async () => {
    const dovecot = await startDovecot({ users: [address], mailRoot: platform.mailRoot });
    try {
      await platform.start();
      for (const [index, [, content]] of cases.entries()) {
        const receivedAt = new Date(Date.UTC(2026, 10, 21, 12, 0, index)).toISOString();
        const job = jobFor(await platform.spool(content), [address], { receivedAt });
        await platform.owner.dispatch('mailbox', [job]);
        const { recipients } = await platform.owner.outcomeOf(job.job.jobId);
        expect(recipients).toMatchObject([{ disposition: 'delivered' }]);
      }
      await dovecot.adopt();

      const messages = await dovecot.fetch(address);

      expect(messages).toHaveLength(cases.length);
      for (const [index, [name, content]] of cases.entries()) {
        const expected = Buffer.concat([Buffer.from(traceFields().replaceAll('\n', '\r\n')), content]);
        expect(messages[index]?.binary.equals(expected), name).toBe(true);
        // BODY[] cannot carry NUL; Dovecot puts 0x80 in its place.
        const shown = Buffer.from(expected.toString('latin1').replaceAll('\0', '\x80'), 'latin1');
        expect(messages[index]?.octets.equals(shown), name).toBe(true);
      }
    } finally {
      await dovecot.stop();
    }
  });
});

describe('the end of the process', { timeout: 120_000 }, () => {
  afterEach(() => platform.killAll());

  it('by SIGTERM is a drain: what is in hand is finished and reported', async () => {
    const service = await platform.start();
    const before = platform.owner.outcomes.length;
    const jobs = await Promise.all(
      Array.from({ length: 20 }, async () => jobFor(await platform.spool(message), [address])),
    );
    const { accepted } = await platform.owner.dispatch('mailbox', jobs);

    const exit = await service.stop();

    expect(exit.code).toBe(0);
    expect(await filesIn(user, 'new')).toHaveLength(accepted.length);
    expect(platform.owner.outcomes).toHaveLength(before + accepted.length);
  });

  it('by kill -9 after the outcome was sent and before it was acknowledged, then the same job again, gives one file', async () => {
    const doomed = await platform.start();
    platform.owner.isAcknowledging = false;
    const job = jobFor(await platform.spool(message), [address]);
    await platform.owner.dispatch('mailbox', [job]);
    await platform.owner.outcomeOf(job.job.jobId);
    await doomed.kill();

    await platform.start();
    platform.owner.isAcknowledging = true;
    await platform.owner.dispatch('mailbox', [job]);
    const outcome = await platform.owner.outcomeOf(job.job.jobId);

    expect(outcome.recipients).toMatchObject([{ disposition: 'delivered' }]);
    expect(await filesIn(user, 'new')).toHaveLength(1);
  });
});

function traceFields(): string {
  return `Return-Path: <sender@elsewhere.test>\nX-Original-To: to.${address}\nDelivered-To: ${address}\n`;
}

function pathOf(localPart: string, folder: string, name = ''): string {
  return join(platform.mailRoot, 'example.test', localPart, 'Maildir', folder, name);
}

async function filesIn(localPart: string, folder: string): Promise<{ name: string; octets: Buffer }[]> {
  const names = await readdir(pathOf(localPart, folder)).catch(() => []);
  return Promise.all(
    names.map(async (name) => ({ name, octets: await readFile(pathOf(localPart, folder, name)) })),
  );
}

function hexLines(bytes: number): Buffer {
  const lines: string[] = [];
  for (let length = 0; length < bytes; length += 74) lines.push(`${randomBytes(36).toString('hex')}\r\n`);
  return Buffer.from(lines.join(''));
}
