/**
 * NOTIFY, RET, ENVID and ORCPT (RFC 3461): the same messages to Railpost and to a real Postfix with the same routes, and the sender
 * hears the same of both: which reports come, about whom, with which action and status, and what is returned.
 */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Dovecot,
  type Postfix,
  type SmtpSink,
  startDovecot,
  startPostfix,
  startSmtpSink,
} from '@railpost/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleDomain, passwords, platformManifest, relayDomain } from '../../support/manifests.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';
import { sendRaw } from '../../support/raw-client.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { type ReportCase, cases } from './cases.ts';
import { type ReadReport, readReports } from './reports.ts';

const alice = 'alice@example.test';
const expectedReports = cases.reduce((sum, { actions }) => sum + actions.length, 0);
/** Aliases of both systems. */
const aliases: readonly (readonly [string, string])[] = [
  ['team@example.test', 'alice@example.test,bob@example.test,carol@dsn.test'],
  ['postmaster@example.test', alice],
  ['dead@example.test', 'refused@plain.test'],
];

describe('delivery reports', () => {
  /** One pair of sinks for each system, so that what they get can be compared. */
  const plain: SmtpSink[] = [];
  const speaking: SmtpSink[] = [];
  let dovecot: Dovecot;
  let postfix: Postfix;
  let platform: Platform;
  let ours: readonly ReadReport[];
  let theirs: readonly ReadReport[];

  beforeAll(async () => {
    const refusing = ({ verb, line }: { verb: string; line: string }): string | undefined =>
      verb === 'RCPT' && line.includes('<refused@') ? '550 5.1.1 no such user' : undefined;
    const extensions = ['PIPELINING', '8BITMIME', 'ENHANCEDSTATUSCODES'];
    for (const list of [0, 1]) {
      plain[list] = await startSmtpSink({ script: refusing, extensions });
      speaking[list] = await startSmtpSink();
    }
    dovecot = await startDovecot({ users: ['dora@lmtp.test'] });
    postfix = await startReference(dovecot, plain[1]?.port ?? 0, speaking[1]?.port ?? 0);
    platform = await startRailpost(dovecot, plain[0]?.port ?? 0, speaking[0]?.port ?? 0);
    for (const each of cases) await Promise.all([send(each, 'railpost'), send(each, 'postfix')]);
    const count = (messages: readonly Buffer[]): number =>
      readReports(messages).flatMap(({ recipients }) => recipients).length;
    await waitUntil(
      'the reports',
      async () => count(await platform.mailbox(alice)) >= expectedReports,
      60_000,
    );
    await waitUntil(
      'the reports of Postfix',
      async () => count(await postfix.messages(alice)) >= expectedReports,
    );
    // What would still come would come out of a queue.
    await waitUntil('an empty queue', async () => {
      const { stdout } = await platform.command('queue', 'list', '--json');
      return !stdout.includes('queueId');
    });
    await waitUntil('an empty queue of Postfix', async () => {
      const log = await postfix.log();
      return log.split('(queue active)').length === log.split(': removed').length;
    });
    ours = readReports(await platform.mailbox(alice));
    theirs = readReports(await postfix.messages(alice));
  }, 180_000);
  afterAll(async () => {
    await platform.dispose();
    await Promise.all([
      postfix.stop(),
      dovecot.stop(),
      ...[...plain, ...speaking].map((sink) => sink.stop()),
    ]);
  });

  async function send(given: ReportCase, to: 'railpost' | 'postfix'): Promise<void> {
    const { name, mail, recipients, reversePath = alice, isAuthenticated } = given;
    const byLogin = to === 'railpost' && isAuthenticated === true;
    const port = byLogin ? platform.ports.submissions : platform.ports.mx;
    await sendRaw({
      port: to === 'railpost' ? port : postfix.port,
      reversePath,
      recipients,
      content: Buffer.from(`Subject: case ${name}\r\nFrom: <${alice}>\r\n\r\nbody of case\r\n`),
      ...(mail === undefined ? {} : { mailParameters: mail }),
      ...(byLogin ? { login: { user: alice, password: passwords.alice } } : {}),
    });
  }

  it.each(cases)('$name: $actions', ({ name, actions }) => {
    const about = (reports: readonly ReadReport[]): ReadReport[] =>
      reports
        .filter((report) => report.about === name)
        .toSorted((left, right) => (left.actions.join() < right.actions.join() ? -1 : 1));

    expect(about(ours).flatMap((report) => report.actions)).toEqual(actions);
    expect(about(ours)).toEqual(about(theirs));
  });

  it('are all about a case', () => {
    expect(ours.filter(({ about }) => !cases.some(({ name }) => name === about))).toEqual([]);
  });

  it('a next hop that speaks DSN gets what the sender asked, as from Postfix', () => {
    const heard = (sink: SmtpSink | undefined): string[] =>
      (sink?.messages ?? [])
        .flatMap(({ mail, rcpts }) => rcpts.map((rcpt) => `${mail.replace(/ SIZE=\d+/, '')} ${rcpt}`))
        .toSorted();

    expect(heard(speaking[0])).toEqual(heard(speaking[1]));
    expect(heard(speaking[0]).join('\n')).toContain(
      'RCPT TO:<x@dsn.test> ORCPT=rfc822;y@example.test NOTIFY=SUCCESS,DELAY',
    );
    // Who stands behind an alias does not report to the sender.
    expect(heard(speaking[0]).join('\n')).toContain(
      'RCPT TO:<carol@dsn.test> ORCPT=rfc822;team@example.test NOTIFY=NEVER',
    );
  });

  it('are logged as bounce(8) does, and one that cannot be delivered ends there', async () => {
    const folder = join(platform.data, 'log');
    const files = await Promise.all(
      (await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8')),
    );
    const lines = files.join('\n').split('\n');
    const reported = lines.filter((line) => /: sender delivery status notification: \w+$/.test(line));
    const refused = lines.find(
      (line) => /to=<refused@plain\.test>.*status=bounced/.test(line) && isOfReport(line),
    );
    const queueId = refused === undefined ? '' : queueIdOf(refused);

    // The reports of success that arrived, and the one that nobody took.
    const successes = ours.filter(({ actions }) => !actions.includes('failed')).length;
    expect(reported).toHaveLength(successes + 1);
    expect(lines.filter((line) => line.includes(`: ${queueId}: removed`))).toHaveLength(1);
    expect(lines.filter((line) => line.includes(`: ${queueId}: sender `))).toEqual([]);

    function isOfReport(line: string): boolean {
      return reported.some((each) => each.endsWith(` ${queueIdOf(line)}`));
    }
  });
});

function queueIdOf(line: string): string {
  return /\]: (\w+): /.exec(line)?.[1] ?? '';
}

function startRailpost(dovecot: Dovecot, plainPort: number, speakingPort: number): Promise<Platform> {
  const smtp = (port: number): string => `{smtp: {hosts: [{host: 127.0.0.1, port: ${port}}]}}`;
  const entries = aliases.map(
    ([address, to]) => `  - {localPart: ${address.split('@')[0]}, to: [${to.split(',').join(', ')}]}\n`,
  );
  const example = exampleDomain().replace(/entries:\n[^]*$/, `entries:\n${entries.join('')}`);
  return startPlatform({
    manifests: (ports) => ({
      'platform.yaml': platformManifest(ports),
      'example.yaml': example,
      'plain.yaml': relayDomain('plain.test', '{mode: AcceptAll}', smtp(plainPort)),
      'dsn.yaml': relayDomain('dsn.test', '{mode: AcceptAll}', smtp(speakingPort)),
      'lmtp.yaml': relayDomain(
        'lmtp.test',
        '{mode: AcceptAll}',
        `{lmtp: {host: 127.0.0.1, port: ${dovecot.lmtpPort}}}`,
      ),
    }),
    arguments: ['--log-format', 'postfix'],
  });
}

function startReference(dovecot: Dovecot, plainPort: number, speakingPort: number): Promise<Postfix> {
  const routes = [
    `{plain.test=smtp:[127.0.0.1]:${plainPort}}`,
    `{dsn.test=smtp:[127.0.0.1]:${speakingPort}}`,
    `{lmtp.test=lmtp:inet:127.0.0.1:${dovecot.lmtpPort}}`,
  ];
  return startPostfix({
    mailboxes: [alice, 'bob@example.test'],
    settings: [
      `transport_maps = inline:{${routes.join(', ')}}`,
      `virtual_alias_maps = inline:{${aliases.map(([from, to]) => `{${from}=${to}}`).join(', ')}}`,
      // An LMTP server is where mail ends.
      'lmtp_assume_final = yes',
    ],
  });
}
