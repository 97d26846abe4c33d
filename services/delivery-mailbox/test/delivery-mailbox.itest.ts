/** delivery-mailbox as a process: real NATS, real spool, mail read back from disk and by a real Dovecot. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type NatsServer, startDovecot, startNatsServer } from '@railpost/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Platform, jobFor, preparePlatform } from './platform.ts';

const alice = 'alice@example.test';
const message = Buffer.from('Subject: hello\r\nReturn-Path: <forged@x>\r\n\r\nbody\r\n');
const traceFields = `Return-Path: <sender@elsewhere.test>\nX-Original-To: to.${alice}\nDelivered-To: ${alice}\n`;

let server: NatsServer;
let platform: Platform;

beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());

beforeEach(async () => {
  platform = await preparePlatform(server);
  await platform.configure({ alice: 'Enabled', bob: 'Enabled', off: 'Disabled' });
});
afterEach(() => platform.close());

describe('delivery-mailbox', () => {
  it('writes the message with trace fields and edits, and reports it delivered', async () => {
    const service = await platform.start();
    const job = jobFor(await platform.spool(message), [alice], {
      edits: [{ at: 0, remove: 0, insert: 'Received: by us\r\n' }],
    });

    await platform.owner.dispatch('mailbox', [job]);
    const outcome = await platform.owner.outcomeOf(job.job.jobId);

    expect(outcome).toMatchObject({ content: 'read', isOwnFault: false });
    expect(outcome.recipients).toMatchObject([
      { final: alice, disposition: 'delivered', status: { code: '2.0.0' }, relay: 'mailbox' },
    ]);
    const [file] = await filesIn('alice', 'new');
    expect(file?.octets.toString()).toBe(`${traceFields}Received: by us\nSubject: hello\n\nbody\n`);
    expect(await filesIn('alice', 'tmp')).toEqual([]);
    const line = await service.waitForEvent('disposition');
    expect(line).toMatchObject({ to: alice, origTo: `to.${alice}`, status: 'sent', dsn: '2.0.0' });
  });

  it('answers for each recipient: delivered, unknown, disabled', async () => {
    await platform.start();
    const finals = [alice, 'bob+tag@example.test', 'nobody@example.test', 'off@example.test'];
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
    await platform.start();
    const job = jobFor(await platform.spool(message), ['new@example.test']);

    await platform.owner.dispatch('mailbox', [job]);
    await platform.configure({ alice: 'Enabled', new: 'Enabled' });
    const outcome = await platform.owner.outcomeOf(job.job.jobId);

    expect(outcome.recipients).toMatchObject([{ disposition: 'delivered' }]);
  });

  it('makes one file of a job that comes again, also after a mail reader has moved it', async () => {
    await platform.start();
    const job = jobFor(await platform.spool(message), [alice]);
    await platform.owner.dispatch('mailbox', [job]);
    await platform.owner.outcomeOf(job.job.jobId);

    await platform.owner.dispatch('mailbox', [job]);
    expect((await platform.owner.outcomeOf(job.job.jobId)).recipients).toMatchObject([
      { disposition: 'delivered' },
    ]);
    const [file] = await filesIn('alice', 'new');
    await rename(pathOf('alice', 'new', file?.name), `${pathOf('alice', 'cur', file?.name)}:2,S`);
    await platform.owner.dispatch('mailbox', [job]);
    expect((await platform.owner.outcomeOf(job.job.jobId)).recipients).toMatchObject([
      { disposition: 'delivered' },
    ]);

    expect(await filesIn('alice', 'new')).toEqual([]);
    expect(await filesIn('alice', 'cur')).toHaveLength(1);
  });

  it('keeps jobs apart that differ in anything', async () => {
    await platform.start();
    const content = await platform.spool(message);
    const jobs = [jobFor(content, [alice]), jobFor(content, [alice])];

    await platform.owner.dispatch('mailbox', jobs);
    for (const { job } of jobs) await platform.owner.outcomeOf(job.jobId);

    expect(await filesIn('alice', 'new')).toHaveLength(2);
  });

  it('reports a body that is gone, and one that is corrupt, without touching the mailbox', async () => {
    await platform.start();
    const content = await platform.spool(message);
    const corrupt = jobFor({ ...content, sha256: '0'.repeat(64) }, [alice]);
    const gone = jobFor({ ...content, key: `${content.key}x` }, [alice]);

    await platform.owner.dispatch('mailbox', [corrupt, gone]);

    expect(await platform.owner.outcomeOf(corrupt.job.jobId)).toMatchObject({
      content: 'corrupt',
      recipients: [],
    });
    expect(await platform.owner.outcomeOf(gone.job.jobId)).toMatchObject({ content: 'gone', recipients: [] });
    expect(await filesIn('alice', 'new')).toEqual([]);
  });

  it('defers when the file system refuses, and says so to the operator', async () => {
    const service = await platform.start();
    // A file where the mailbox's folder should be: refused for any user, root too.
    await mkdir(join(platform.mailRoot, 'example.test'));
    await writeFile(join(platform.mailRoot, 'example.test', 'alice'), '');
    const job = jobFor(await platform.spool(message), [alice, 'bob@example.test']);

    await platform.owner.dispatch('mailbox', [job]);
    const outcome = await platform.owner.outcomeOf(job.job.jobId);

    expect(outcome.recipients).toMatchObject([
      { disposition: 'deferred', status: { code: '4.3.0' } },
      { disposition: 'delivered', status: { code: '2.0.0' } },
    ]);
    expect(outcome.isOwnFault).toBe(false);
    expect((await service.waitForEvent('mailbox-unwritable'))['level']).toBe('error');
  });

  it('drains: what is in hand is finished and reported', async () => {
    const service = await platform.start();
    const jobs = await Promise.all(
      Array.from({ length: 20 }, async () => jobFor(await platform.spool(message), [alice])),
    );
    const { accepted } = await platform.owner.dispatch('mailbox', jobs);

    const exit = await service.stop();

    expect(exit.code).toBe(0);
    expect(await filesIn('alice', 'new')).toHaveLength(accepted.length);
    expect(platform.owner.outcomes).toHaveLength(accepted.length);
  });
});

describe('mail in a Maildir, read by Dovecot', () => {
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
    const dovecot = await startDovecot({ users: [alice], mailRoot: platform.mailRoot });
    try {
      await platform.start();
      for (const [index, [, content]] of cases.entries()) {
        const receivedAt = new Date(Date.UTC(2026, 10, 21, 12, 0, index)).toISOString();
        const job = jobFor(await platform.spool(content), [alice], { receivedAt });
        await platform.owner.dispatch('mailbox', [job]);
        const { recipients } = await platform.owner.outcomeOf(job.job.jobId);
        expect(recipients).toMatchObject([{ disposition: 'delivered' }]);
      }
      await dovecot.adopt();

      const messages = await dovecot.fetch(alice);

      expect(messages).toHaveLength(cases.length);
      for (const [index, [name, content]] of cases.entries()) {
        const expected = Buffer.concat([Buffer.from(traceFields.replaceAll('\n', '\r\n')), content]);
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

describe('kill -9', () => {
  it.each(['mailbox.accepted', 'mailbox.before-rename', 'mailbox.renamed'])(
    'at %s, then the same job again, gives one file',
    async (crashPoint) => {
      const doomed = await platform.start(crashPoint);
      const job = jobFor(await platform.spool(message), [alice]);
      // The process may die before its answer has left: to an owner that is one more lost answer.
      await platform.owner.dispatch('mailbox', [job]).catch(() => undefined);
      expect((await doomed.exited).signal).toBe('SIGKILL');
      expect(platform.owner.outcomes).toEqual([]);

      await platform.start();
      await platform.owner.dispatch('mailbox', [job]);
      const outcome = await platform.owner.outcomeOf(job.job.jobId);

      expect(outcome.recipients).toMatchObject([{ disposition: 'delivered' }]);
      expect(await filesIn('alice', 'new')).toHaveLength(1);
    },
  );

  it('after the outcome was sent and before it was acknowledged, then the same job again, gives one file', async () => {
    const doomed = await platform.start();
    platform.owner.isAcknowledging = false;
    const job = jobFor(await platform.spool(message), [alice]);
    await platform.owner.dispatch('mailbox', [job]);
    await platform.owner.outcomeOf(job.job.jobId);
    await doomed.kill();

    await platform.start();
    platform.owner.isAcknowledging = true;
    await platform.owner.dispatch('mailbox', [job]);
    const outcome = await platform.owner.outcomeOf(job.job.jobId);

    expect(outcome.recipients).toMatchObject([{ disposition: 'delivered' }]);
    expect(await filesIn('alice', 'new')).toHaveLength(1);
  });
});

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
