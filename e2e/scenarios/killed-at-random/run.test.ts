/**
 * 250 means kept: while numbered messages come in, every service and nats-server are killed with SIGKILL, in random order and at
 * random times. Every message that was answered 250 arrives; a Maildir holds it once, a far end gets it twice only where somebody died;
 * nothing stays in the queue. (A client that lost its connection sends again: that is another message, with another queue id.)
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type SmtpSink, startSmtpSink } from '@railpost/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exampleDomain, platformManifest, relayDomain } from '../../support/manifests.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';
import { sendRaw } from '../../support/raw-client.ts';
import { waitUntil } from '../../support/wait-until.ts';

const messages = 240;
const clients = 4;
/** Takeovers and redeliveries come sooner than on a platform that nobody kills: the test waits for them. */
const services = ['smtp-ingress', 'cleanup', 'queue-manager', 'delivery-smtp', 'delivery-mailbox', 'bounce'];
const quickTakeover = [
  ...services.flatMap((each) => [`${each}.lease-ttl=6s`, `${each}.heartbeat=2s`]),
  ...['cleanup.ack-wait=8s', 'queue-manager.ack-wait=8s'],
].flatMap((setting) => ['--set', setting]);

let sink: SmtpSink;
let lmtp: SmtpSink;
let platform: Platform;

beforeAll(async () => {
  sink = await startSmtpSink();
  lmtp = await startSmtpSink({ protocol: 'lmtp' });
  platform = await startPlatform({
    manifests: (ports) => ({
      'platform.yaml': platformManifest(ports),
      'example.yaml': exampleDomain(),
      'partner.yaml': relayDomain(
        'partner.test',
        '{mode: AcceptAll}',
        `{smtp: {hosts: [{host: 127.0.0.1, port: ${sink.port}}]}}`,
      ),
      'lmtp.yaml': relayDomain(
        'lmtp.test',
        '{mode: AcceptAll}',
        `{lmtp: {host: 127.0.0.1, port: ${lmtp.port}}}`,
      ),
    }),
    arguments: quickTakeover,
  });
});
afterAll(async () => {
  await platform.dispose();
  await Promise.all([sink.stop(), lmtp.stop()]);
});

it('whoever is killed, what was answered 250 arrives', { timeout: 120_000 }, async () => {
  const load = sendAll();
  const killed = await killEverybodyOnce();
  const { refusals } = await load;

  const missing = async (): Promise<number[]> => {
    const arrivals = await gatherArrivals();
    return numbers.filter((number) => destinationsOf(number).some((each) => !arrivals.has(each)));
  };
  await waitUntil('every message', async () => (await missing()).length === 0, 60_000).catch(() => undefined);
  expect(await missing(), `killed: ${killed.join(', ')}; refused meanwhile: ${refusals}`).toEqual([]);
  const stored = (await platform.mailbox('alice@example.test')).map(queueIdOf);
  expect(stored.filter((each, index) => stored.indexOf(each) !== index)).toEqual([]);
  const doubled = [...(await gatherArrivals())].filter(([, times]) => times > 1).map(([arrival]) => arrival);
  expect(doubled.length, doubled.join(', ')).toBeLessThanOrEqual(inHand);
  await waitUntil(
    'an empty queue',
    async () => (await platform.command('queue', 'list', '--json')).stdout.trim() === '[]',
    40_000,
  );
});

/**
 * What may be in hand when somebody dies: five deliveries at a time to each of two far ends, of one agent and one owner, and one
 * message of three destinations for each client.
 */
const inHand = 2 * 2 * 5 + clients * 3;

const numbers = Array.from({ length: messages }, (_, number) => number);

/** Every second message also goes by LMTP, every third into a Maildir. */
function destinationsOf(number: number): string[] {
  return [
    `${number} n${number}@partner.test`,
    ...(number % 2 === 0 ? [`${number} n${number}@lmtp.test`] : []),
    ...(number % 3 === 0 ? [`${number} alice@example.test`] : []),
  ];
}

/** A few clients send all messages; each repeats a message until it hears 250, as a mail server does. */
async function sendAll(): Promise<{ refusals: number }> {
  const waiting = [...numbers];
  let refusals = 0;
  const send = async (): Promise<void> => {
    for (let number = waiting.shift(); number !== undefined; number = waiting.shift()) {
      while (!(await isAccepted(number))) {
        refusals += 1;
        await sleep(100);
      }
      await sleep(150 + Math.random() * 300);
    }
  };
  await Promise.all(Array.from({ length: clients }, send));
  return { refusals };
}

async function isAccepted(number: number): Promise<boolean> {
  const recipients = destinationsOf(number).map((each) => each.slice(each.indexOf(' ') + 1));
  // Some are large enough to be streamed through the spool.
  const filler = 'x'.repeat(number % 40 === 0 ? 1_500_000 : 200);
  const content = Buffer.from(`Subject: kept\r\nX-Number: ${number}.\r\n\r\n${filler}\r\n`);
  const message = { port: platform.ports.mx, reversePath: 'x@elsewhere.test', recipients, content };
  return sendRaw(message).then(
    (reply) => reply.startsWith('250'),
    () => false,
  );
}

async function killEverybodyOnce(): Promise<string[]> {
  const victims = [...(await platform.processes()).map(({ name }) => name), 'nats-server'];
  const order = victims.map((name) => ({ name, at: Math.random() })).toSorted((a, b) => a.at - b.at);
  for (const { name } of order) {
    await sleep(1000 + Math.random() * 1500);
    process.kill(await pidOf(name), 'SIGKILL');
  }
  return order.map(({ name }) => name);
}

/** Waits until the process lives: it may have been killed by the death of another. */
function pidOf(name: string): Promise<number> {
  return waitUntil(`a living ${name}`, async () => {
    const pid = name === 'nats-server' ? await natsPid() : await servicePid(name);
    return pid !== undefined && (await isAlive(pid)) && pid;
  });
}

async function servicePid(name: string): Promise<number | undefined> {
  return (await platform.processes()).find((each) => each.name === name)?.pid;
}

/** nats-server is a child of `railpost up` and no service: it is found as such. */
async function natsPid(): Promise<number | undefined> {
  const { pid }: { pid: number } = JSON.parse(await readFile(join(platform.data, 'run.json'), 'utf8'));
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  for (const child of children.trim().split(' ')) {
    const name = await readFile(`/proc/${child}/comm`, 'utf8').catch(() => '');
    if (name.startsWith('nats-server')) return Number(child);
  }
  return undefined;
}

async function isAlive(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return status !== '' && !/^State:\s+[ZX]/m.test(status);
}

/** `<number> <address>` -> how often it arrived. */
async function gatherArrivals(): Promise<Map<string, number>> {
  const arrivals = new Map<string, number>();
  const note = (content: Buffer, recipient: string): void => {
    const number = /^X-Number: (\d+)\./m.exec(content.subarray(0, 2000).toString('latin1'))?.[1];
    const arrival = `${number} ${recipient}`;
    arrivals.set(arrival, (arrivals.get(arrival) ?? 0) + 1);
  };
  for (const { content, recipients } of [...sink.messages, ...lmtp.messages])
    for (const recipient of recipients) note(content, recipient);
  for (const content of await platform.mailbox('alice@example.test')) note(content, 'alice@example.test');
  return arrivals;
}

function queueIdOf(content: Buffer): string {
  return (
    /^\tby mail\.example\.test .* id (\w+)/m.exec(content.subarray(0, 2000).toString('latin1'))?.[1] ?? ''
  );
}
