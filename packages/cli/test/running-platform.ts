/** Runs `railpost up` as a process of its own on free ports, with a folder of manifests that the test writes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findFreePorts, openSmtpScript } from '@railpost/testkit';
import { runCommandLine } from '../src/command-line.ts';
import { type CommandRun, runCommand } from './command-run.ts';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/** A folder for manifests and data, and ports. */
export interface TestSite {
  readonly manifests: string;
  readonly data: string;
  readonly smtpPort: number;
  readonly healthPort: number;
  /** Port that partner.test is routed to. */
  readonly partnerPort: number;
  remove(): Promise<void>;
}

/** One run of `railpost up`. */
export interface RunningUp {
  readonly pid: number;
  /** Both output streams, in order. */
  output(): string;
  /** Resolves when the output holds the text. Rejects when the process ends or the time is over. */
  says(text: string | RegExp, withinMs?: number): Promise<void>;
  readonly exited: Promise<number | null>;
  signal(name: NodeJS.Signals): void;
}

/** Makes a site with one MX listener, example.test with alice, and partner.test routed to a port. */
export async function makeSite(): Promise<TestSite> {
  const folder = await mkdtemp(join(tmpdir(), 'railpost-up-'));
  const manifests = join(folder, 'manifests');
  const [smtpPort = 0, partnerPort = 0] = await findFreePorts(2);
  const site: TestSite = {
    manifests,
    data: join(folder, 'data'),
    smtpPort,
    partnerPort,
    // Below the ephemeral range, so that no client socket of another test sits on it.
    healthPort: 20_000 + ((process.pid * 16 + smtpPort) % 10_000),
    remove: () => rm(folder, { recursive: true }),
  };
  await mkdir(manifests);
  await writeFile(join(manifests, 'platform.yaml'), platformOf(site));
  await writeFile(join(manifests, 'alice.yaml'), mailboxOf('alice'));
  return site;
}

/** A Mailbox manifest. */
export function mailboxOf(localPart: string): string {
  return `apiVersion: railpost.io/v1alpha1
kind: Mailbox
metadata: {name: ${localPart}}
spec: {domain: example.test, localPart: ${localPart}}
`;
}

/** Starts `railpost up` on the site. */
export function startUp(site: TestSite, ...more: readonly string[]): RunningUp {
  const args = ['up', '-f', site.manifests, '--data', site.data, '--health-port', String(site.healthPort)];
  const child = spawn(process.execPath, [main, ...args, ...more], { stdio: ['ignore', 'pipe', 'pipe'] });
  const { stdout, stderr } = child;
  const listeners = new Set<() => void>();
  let output = '';
  for (const stream of [stdout, stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      for (const listener of listeners) listener();
    });
  const exited = Promise.all([once(child, 'exit'), once(stdout, 'close'), once(stderr, 'close')]).then(
    () => child.exitCode,
  );
  void exited.then(() => {
    for (const listener of listeners) listener();
  });
  return {
    pid: child.pid ?? 0,
    output: () => output,
    exited,
    signal: (name) => child.kill(name),
    says: (text, withinMs = 60_000) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => end(new Error(`"${String(text)}" was not said:\n${output}`)),
          withinMs,
        );
        function end(error?: Error): void {
          clearTimeout(timer);
          listeners.delete(look);
          if (error === undefined) resolve();
          else reject(error);
        }
        function look(): void {
          if (typeof text === 'string' ? output.includes(text) : text.test(output)) end();
          else if (child.exitCode !== null) end(new Error(`ended with ${child.exitCode}:\n${output}`));
        }
        listeners.add(look);
        look();
      }),
  };
}

/** Runs a command on the site's platform. */
export function railpost(site: TestSite, ...args: readonly string[]): Promise<CommandRun> {
  return runCommand(runCommandLine, ...args, '--data', site.data);
}

/** Sends one message; returns the queue id that the reply names. @throws Error when a reply is not positive */
export async function sendMail(site: TestSite, to: string): Promise<string> {
  const script = await openSmtpScript(site.smtpPort);
  const steps = [
    undefined,
    'EHLO client.test\r\n',
    'MAIL FROM:<sender@elsewhere.test>\r\n',
    `RCPT TO:<${to}>\r\n`,
    'DATA\r\n',
    `Subject: test\r\nMessage-ID: <1@elsewhere.test>\r\n\r\nHello ${to}\r\n.\r\n`,
  ];
  let last = '';
  for (const step of steps) {
    if (step !== undefined) script.write(step);
    const reply = await script.reply();
    if (reply.code >= 400) throw new Error(`${step ?? 'greeting'} was answered ${reply.text}`);
    last = reply.text;
  }
  script.write('QUIT\r\n');
  script.close();
  return /\b([0-9A-Za-z]{16})\b/.exec(last)?.[1] ?? '';
}

function platformOf(site: TestSite): string {
  return `apiVersion: railpost.io/v1alpha1
kind: MailPlatform
metadata: {name: main}
spec:
  hostname: mail.example.test
  listeners:
  - {name: mx, port: ${site.smtpPort}, role: MX}
---
apiVersion: railpost.io/v1alpha1
kind: MailDomain
metadata: {name: example.test}
spec: {domain: example.test, class: Mailbox}
---
apiVersion: railpost.io/v1alpha1
kind: MailDomain
metadata: {name: partner.test}
spec:
  domain: partner.test
  class: Relay
  recipients: {mode: AcceptAll}
---
apiVersion: railpost.io/v1alpha1
kind: TransportMap
metadata: {name: partner}
spec:
  routes:
  - name: partner
    match: {domains: [partner.test]}
    nextHop: {smtp: {hosts: [{host: 127.0.0.1, port: ${site.partnerPort}}]}}
`;
}
