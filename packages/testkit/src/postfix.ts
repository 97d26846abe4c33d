/**
 * A real Postfix of the machine as an independent peer: far end, or sender. Runs beside the system's own instance with
 * its own configuration, queue and data folders under a temporary one, on loopback with ephemeral ports, as root
 * (Postfix's master refuses others). Fails with the tail of its log when it does not answer within 15 s.
 */
import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { findFreePorts } from './nats-server.ts';

const run = promisify(execFile);

/** What the instance is for. */
export interface PostfixOptions {
  /** Addresses delivered into Maildirs of this instance (virtual(8)); others of their domains are unknown users. */
  readonly mailboxes?: readonly string[];
  /** More main.cf lines, `name = value`. */
  readonly settings?: readonly string[];
}

/** A running instance. */
export interface Postfix {
  readonly port: number;
  /** Process id of master(8), whose children all others are. */
  readonly pid: number;
  /** Log of all its daemons. */
  log(): Promise<string>;
  /** Messages delivered into one of the mailboxes, each as octets on disk, in order of arrival. */
  messages(address: string): Promise<Buffer[]>;
  /** Stops it and removes its folders. */
  stop(): Promise<void>;
}

/** Starts an instance. @throws Error when it does not come up */
export async function startPostfix(options: PostfixOptions = {}): Promise<Postfix> {
  const root = await mkdtemp(join(tmpdir(), 'railpost-postfix-'));
  const [port = 0] = await findFreePorts(1);
  const folders = {
    config: join(root, 'etc'),
    queue: join(root, 'queue'),
    data: join(root, 'data'),
    mail: join(root, 'mail'),
  };
  const logFile = join(root, 'mail.log');
  await chmod(root, 0o755);
  for (const folder of Object.values(folders)) await mkdir(folder, { recursive: true });
  const { uid, gid } = await accountOf('postfix');
  await chown(folders.data, uid, gid);
  await chown(folders.mail, uid, gid);
  await writeFile(join(folders.config, 'main.cf'), mainCf(options, { ...folders, logFile, uid, gid }));
  await writeFile(join(folders.config, 'master.cf'), masterCf(port));
  await run('postfix', ['-c', folders.config, 'start']);
  await waitForGreeting(port, logFile);
  const pid = Number((await readFile(join(folders.queue, 'pid', 'master.pid'), 'utf8')).trim());

  return {
    port,
    pid,
    log: () => readFile(logFile, 'utf8').catch(() => ''),
    async messages(address) {
      const folder = join(folders.mail, address, 'new');
      const names = await readdir(folder).catch(() => []);
      return Promise.all(
        names.toSorted((left, right) => (left < right ? -1 : 1)).map((name) => readFile(join(folder, name))),
      );
    },
    async stop() {
      await run('postfix', ['-c', folders.config, 'abort']).catch(() => undefined);
      await rm(root, { recursive: true, force: true });
    },
  };
}

interface Places {
  readonly config: string;
  readonly queue: string;
  readonly data: string;
  readonly mail: string;
  readonly logFile: string;
  readonly uid: number;
  readonly gid: number;
}

function mainCf(options: PostfixOptions, places: Places): string {
  const mailboxes = options.mailboxes ?? [];
  return [
    'compatibility_level = 3.6',
    `queue_directory = ${places.queue}`,
    `data_directory = ${places.data}`,
    'command_directory = /usr/sbin',
    'daemon_directory = /usr/lib/postfix/sbin',
    'mail_owner = postfix',
    'setgid_group = postdrop',
    'myhostname = far.example.net',
    'mydestination =',
    'inet_interfaces = 127.0.0.1',
    'inet_protocols = ipv4',
    'mynetworks = 127.0.0.0/8',
    'smtputf8_enable = yes',
    'message_size_limit = 52428800',
    'virtual_mailbox_limit = 0',
    'mailbox_size_limit = 0',
    `maillog_file = ${places.logFile}`,
    `maillog_file_prefixes = /var, /dev/stdout, ${tmpdir()}`,
    `virtual_mailbox_domains = ${[...new Set(mailboxes.map((each) => each.slice(each.lastIndexOf('@') + 1)))].join(', ')}`,
    `virtual_mailbox_maps = inline:{${mailboxes.map((each) => `{${each}=${each}/}`).join(', ')}}`,
    `virtual_mailbox_base = ${places.mail}`,
    `virtual_uid_maps = static:${places.uid}`,
    `virtual_gid_maps = static:${places.gid}`,
    'virtual_minimum_uid = 1',
    ...(options.settings ?? []),
    '',
  ].join('\n');
}

function masterCf(port: number): string {
  const internal = [
    'cleanup unix n - n - 0 cleanup',
    'qmgr unix n - n 300 1 qmgr',
    'rewrite unix - - n - - trivial-rewrite',
  ];
  const agents = ['bounce', 'defer', 'trace'].map((name) => `${name} unix - - n - 0 bounce`);
  return [
    `127.0.0.1:${port} inet n - n - - smtpd`,
    'pickup unix n - n 60 1 pickup',
    ...internal,
    'tlsmgr unix - - n 1000? 1 tlsmgr',
    ...agents,
    'verify unix - - n - 1 verify',
    'flush unix n - n 1000? 0 flush',
    'proxymap unix - - n - - proxymap',
    'smtp unix - - n - - smtp',
    'error unix - - n - - error',
    'retry unix - - n - - error',
    'discard unix - - n - - discard',
    'virtual unix - n n - - virtual',
    'lmtp unix - - n - - lmtp',
    'anvil unix - - n - 1 anvil',
    'scache unix - - n - 1 scache',
    'postlog unix-dgram n - n - 1 postlogd',
    '',
  ].join('\n');
}

async function accountOf(user: string): Promise<{ readonly uid: number; readonly gid: number }> {
  const { stdout } = await run('getent', ['passwd', user]);
  const [, , uid, gid] = stdout.trim().split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

async function waitForGreeting(port: number, logFile: string): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!(await greets(port))) {
    if (Date.now() > deadline) {
      const log = await readFile(logFile, 'utf8').catch(() => 'no log');
      throw new Error(`Postfix did not answer on port ${port}: ${log.slice(-2000)}`);
    }
    await sleep(100);
  }
}

function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    const done = (isGreeting: boolean): void => {
      socket.destroy();
      resolve(isGreeting);
    };
    socket.setTimeout(2000, () => done(false));
    socket.once('data', (data) => done(data.toString('latin1').startsWith('220')));
    socket.once('error', () => done(false));
  });
}
