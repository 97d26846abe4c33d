/**
 * Starts a real Dovecot 2.3 of its own (base folder, configuration, ephemeral ports on 127.0.0.1) for tests: IMAP reads the Maildirs
 * below a root, LMTP delivers into them and refuses users that it does not know. As root, Dovecot will not touch mail as uid 0, so
 * mail belongs to uid 65534 and `adopt()` hands over what our own process wrote; otherwise everything runs as the present user.
 * Fails with the tail of the log when it is not ready within 20 s.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, lstat, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { type ImapMessage, fetchImapMessages } from './imap-client.ts';
import { findFreePorts } from './nats-server.ts';

/** How to start a Dovecot. */
export interface DovecotOptions {
  /** Full addresses that exist. Their password is `secret`. */
  readonly users: readonly string[];
  /** Root of the mailboxes, `<root>/<domain>/<local-part>/Maildir`; a temporary one that `stop()` removes when absent. */
  readonly mailRoot?: string;
}

/** A running Dovecot. */
export interface Dovecot {
  readonly imapPort: number;
  readonly lmtpPort: number;
  readonly mailRoot: string;
  readonly pid: number;
  /** Makes mail that our process wrote readable for Dovecot; call before reading it. */
  adopt(): Promise<void>;
  /** All messages of the user's INBOX by IMAP, octets as Dovecot gives them, in the order of arrival. */
  fetch(user: string): Promise<readonly ImapMessage[]>;
  /** What Dovecot logged so far. */
  log(): Promise<string>;
  stop(): Promise<void>;
}

const binary = '/usr/sbin/dovecot';
const readyWithinMs = 20_000;
const foreignId = 65534;

/** Starts Dovecot and waits until both ports answer. */
export async function startDovecot(options: DovecotOptions): Promise<Dovecot> {
  if (!existsSync(binary)) throw new Error('dovecot is missing; run npm run setup:peers');
  const folder = await mkdtemp(join(tmpdir(), 'railpost-dovecot-'));
  // Dovecot's processes of other users pass through here.
  await chmod(folder, 0o755);
  const isRoot = userInfo().uid === 0;
  const mailId = isRoot ? foreignId : userInfo().uid;
  const mailRoot = options.mailRoot ?? join(folder, 'mail');
  await mkdir(mailRoot, { recursive: true });
  const [imapPort = 0, lmtpPort = 0] = await findFreePorts(2);
  const users = options.users.map(
    (user) => `${user}:{PLAIN}secret:${mailId}:${isRoot ? foreignId : userInfo().gid}::::`,
  );
  await writeFile(join(folder, 'users'), `${users.join('\n')}\n`);
  const at = { folder, mailRoot, imapPort, lmtpPort, isRoot };
  await writeFile(join(folder, 'dovecot.conf'), configurationOf(at));
  const adopt = async () => {
    if (isRoot) await giveAway(mailRoot);
  };
  await adopt();
  const child = await launch(at);

  return {
    imapPort,
    lmtpPort,
    mailRoot,
    pid: child.pid ?? 0,
    adopt,
    fetch: (user) => fetchImapMessages({ port: imapPort, user, password: 'secret' }),
    log: () => readFile(join(folder, 'log'), 'utf8'),
    async stop() {
      await end(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Placed {
  readonly folder: string;
  readonly mailRoot: string;
  readonly imapPort: number;
  readonly lmtpPort: number;
  readonly isRoot: boolean;
}

function configurationOf({ folder, mailRoot, imapPort, lmtpPort, isRoot }: Placed): string {
  const { username } = userInfo();
  const ownUser = isRoot
    ? []
    : [
        `default_internal_user = ${username}`,
        `default_internal_group =`,
        `default_login_user = ${username}`,
        'service anvil {\n  chroot =\n}',
        'service imap-login {\n  chroot =\n}',
        'service stats {\n  chroot =\n}',
      ];
  return `${[
    `base_dir = ${folder}/run`,
    `state_dir = ${folder}/state`,
    `instance_name = ${folder.slice(folder.lastIndexOf('/') + 1)}`,
    `log_path = ${folder}/log`,
    'listen = 127.0.0.1',
    'protocols = imap lmtp',
    'ssl = no',
    'disable_plaintext_auth = no',
    'first_valid_uid = 1',
    `mail_location = maildir:${mailRoot}/%d/%n/Maildir`,
    `mail_home = ${mailRoot}/%d/%n`,
    'recipient_delimiter = +',
    ...ownUser,
    `passdb {\n  driver = passwd-file\n  args = ${folder}/users\n}`,
    `userdb {\n  driver = passwd-file\n  args = ${folder}/users\n}`,
    'service imap-login {',
    `  inet_listener imap {\n    address = 127.0.0.1\n    port = ${imapPort}\n  }`,
    '  inet_listener imaps {\n    port = 0\n  }',
    '}',
    `service lmtp {\n  inet_listener lmtp {\n    address = 127.0.0.1\n    port = ${lmtpPort}\n  }\n}`,
  ].join('\n')}\n`;
}

async function launch(at: Placed): Promise<ChildProcess> {
  const child = spawn(binary, ['-F', '-c', join(at.folder, 'dovecot.conf')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let output = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    output = (output + chunk.toString('utf8')).slice(-2000);
  });
  // A test run that dies takes its servers with it.
  const onExit = () => child.kill('SIGTERM');
  process.once('exit', onExit);
  child.once('exit', () => process.removeListener('exit', onExit));
  const deadline = performance.now() + readyWithinMs;
  while (performance.now() < deadline && child.exitCode === null) {
    if ((await greets(at.imapPort, '* OK')) && (await greets(at.lmtpPort, '220'))) return child;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill('SIGKILL');
  const log = await readFile(join(at.folder, 'log'), 'utf8').catch(() => '');
  throw new Error(`dovecot did not become ready:\n${output}${log.slice(-2000)}`);
}

function greets(port: number, greeting: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const finish = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(2000, () => finish(false));
    socket.once('data', (chunk) => finish(chunk.toString('latin1').startsWith(greeting)));
    socket.once('error', () => finish(false));
  });
}

/** chown -R to the uid that Dovecot reads mail as. */
async function giveAway(path: string): Promise<void> {
  // A file may be renamed while we walk; the next call finds it.
  const facts = await lstat(path).catch(() => undefined);
  if (facts === undefined) return;
  await chown(path, foreignId, foreignId).catch(() => undefined);
  if (!facts.isDirectory()) return;
  for (const name of await readdir(path)) await giveAway(join(path, name));
}

function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}
