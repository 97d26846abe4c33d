/** delivery-mailbox killed at each of its crash points, and asked again: one file, whole. */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type NatsServer, startNatsServer } from '@railpost/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Platform, jobFor, preparePlatform } from './platform.ts';

const message = Buffer.from('Subject: hello\r\n\r\nbody\r\n');
const users = ['u0', 'u1', 'u2'];

let server: NatsServer;
let platform: Platform;

beforeAll(async () => {
  server = await startNatsServer();
  platform = await preparePlatform(server);
  await platform.configure(users, []);
});
afterAll(async () => {
  await platform.close();
  await server.stop();
});

it.each([
  ['accepted', 'mailbox.accepted', 'u0'],
  ['before-rename', 'mailbox.before-rename', 'u1'],
  ['renamed', 'mailbox.renamed', 'u2'],
])(
  '[mailbox.%s kill] at %s, then the same job again, gives one file',
  async (_, point, user) => {
    const doomed = await platform.start(point);
    const job = jobFor(await platform.spool(message), [`${user}@example.test`]);
    // The process may die before its answer has left: to an owner that is one more lost answer.
    await platform.owner.dispatch('mailbox', [job]).catch(() => undefined);
    expect((await doomed.exited).signal).toBe('SIGKILL');
    expect(platform.owner.outcomes.some((each) => each.jobId === job.job.jobId)).toBe(false);

    const next = await platform.start();
    await platform.owner.dispatch('mailbox', [job]);
    const outcome = await platform.owner.outcomeOf(job.job.jobId);
    await next.kill();

    expect(outcome.recipients).toMatchObject([{ disposition: 'delivered' }]);
    const folder = join(platform.mailRoot, 'example.test', user, 'Maildir', 'new');
    const files = await readdir(folder);
    expect(files).toHaveLength(1);
    expect(await readFile(join(folder, files[0] ?? ''), 'utf8')).toContain('Subject: hello\n\nbody\n');
  },
  120_000,
);
