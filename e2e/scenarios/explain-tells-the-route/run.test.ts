/**
 * `railpost explain` says the truth: for 200 random pairs of recipient and sender the answer to RCPT, every final recipient and every
 * next hop are those that mail takes.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DnsServer, type SmtpSink, startDnsServer, startSmtpSink } from '@railpost/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Platform, startPlatform } from '../../support/platform.ts';
import { sendRaw } from '../../support/raw-client.ts';
import { waitUntil } from '../../support/wait-until.ts';
import * as world from './manifests.ts';

/** What `explain --json` prints, as far as it matters here. */
interface Explained {
  readonly recipient: string;
  readonly sender: string;
  readonly verdict: { readonly verdict: string; readonly code?: string };
  readonly resolution: {
    readonly finals: readonly {
      readonly address: string;
      readonly nextHop: {
        readonly transport: string;
        readonly code?: string;
        readonly hosts?: readonly { readonly port: number }[];
      };
    }[];
  };
}

const count = 200;
const sinks = new Map<string, SmtpSink>();
let dns: DnsServer;
let platform: Platform;

beforeAll(async () => {
  for (const name of ['one', 'two', 'rest'])
    sinks.set(name, await startSmtpSink({ hostname: `${name}.test` }));
  sinks.set('lmtp', await startSmtpSink({ protocol: 'lmtp' }));
  sinks.set('mx', await startSmtpSink({ host: '127.0.0.76', port: 25 }));
  dns = await startDnsServer({
    'mx.test': { mx: [[10, 'in.mx.test']] },
    'in.mx.test': { a: ['127.0.0.76'] },
  });
  const far = { one: portOf('one'), two: portOf('two'), rest: portOf('rest'), lmtp: portOf('lmtp') };
  platform = await startPlatform({
    manifests: (ports) => ({
      'platform.yaml': world.platform(ports),
      'addresses.yaml': world.addresses(far),
      'routes.yaml': world.routes(far),
    }),
    arguments: ['--set', `delivery-smtp.dns-servers=${dns.address}`],
  });
});
afterAll(async () => {
  await platform.dispose();
  await Promise.all([...[...sinks.values()].map((sink) => sink.stop()), dns.stop()]);
});

it(`for ${count} random recipients and senders the route printed is the route taken`, async () => {
  const explained = await explainAll(randomPairs(count));

  const taken = new Map<number, string[]>();
  for (const [index, { recipient, sender }] of explained.entries())
    taken.set(index, [await offer(index, recipient, sender)]);
  await waitUntil('every delivery', async () => {
    const arrived = await gatherArrivals();
    for (const [index, routes] of taken) routes.splice(1, routes.length, ...(arrived.get(index) ?? []));
    return explained.every((each, index) => (taken.get(index)?.length ?? 0) >= foretold(each).length);
  }).catch(() => undefined); // the comparison says better what is missing

  const told = explained.map((each) => ({
    mail: `${each.sender} to ${each.recipient}`,
    way: foretold(each),
  }));
  const found = explained.map((each, index) => {
    const [answer = '', ...routes] = taken.get(index) ?? [];
    return { mail: `${each.sender} to ${each.recipient}`, way: [answer, ...routes.toSorted()] };
  });
  expect(found).toEqual(told);
  expect(new Set(found.flatMap(({ way }) => way.map((each) => each.split(' ')[0])))).toEqual(everyKind);
});

/** Answers and routes of all kinds occur among the 200: else the comparison says little. */
const everyKind = new Set([
  ...['250', '550', '450', 'one', 'two', 'rest', 'lmtp', 'mx', 'mailbox', 'error', 'discard'],
]);

function portOf(name: string): number {
  return sinks.get(name)?.port ?? 0;
}

function nameOf(port: number | undefined): string | undefined {
  return [...sinks].find(([, sink]) => sink.port === port)?.[0];
}

/** The same pairs in every run (a linear congruential generator): a failure can be looked at again. */
function randomPairs(pairs: number): { recipient: string; sender: string }[] {
  let state = 20_261_121;
  const pick = (from: readonly string[]): string => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return from[(state >>> 8) % from.length] ?? '';
  };
  return Array.from({ length: pairs }, () => ({
    recipient: `${pick(world.localParts)}@${pick(world.domains)}`,
    sender: pick(world.senders),
  }));
}

async function explainAll(pairs: readonly { recipient: string; sender: string }[]): Promise<Explained[]> {
  const list = join(platform.data, 'questions');
  await writeFile(list, pairs.map(({ recipient, sender }) => `${recipient}\t<${sender}>\n`).join(''));
  const { stdout, stderr } = await platform.command(
    'explain',
    '--list',
    list,
    '--json',
    '--data',
    platform.data,
  );
  expect(stderr).toBe('');
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => {
      const explained: Explained = JSON.parse(line);
      return explained;
    });
}

/** The answer to RCPT and the sorted routes that an explanation promises to a client that may relay. */
function foretold({ verdict, resolution }: Explained): string[] {
  const answers = new Map([
    ['unknown-user', '550 5.1.1'],
    ['disabled', '550 5.2.1'],
    ['refused', `${verdict.code?.startsWith('4') === true ? 450 : 550} ${verdict.code ?? ''}`],
  ]);
  const refusal = answers.get(verdict.verdict);
  if (refusal !== undefined) return [refusal];
  const routes = resolution.finals.map(({ address, nextHop }) => {
    if (nextHop.transport === 'smtp') return `${nameOf(nextHop.hosts?.[0]?.port) ?? 'mx'} ${address}`;
    const code = nextHop.code === undefined ? '' : ` ${nextHop.code}`;
    return `${nextHop.transport} ${address}${code}`;
  });
  return ['250', ...routes.toSorted()];
}

/** Sends a message that carries its number; what RCPT answered. */
async function offer(index: number, recipient: string, sender: string): Promise<string> {
  const content = Buffer.from(`X-Question: ${index}.\r\nSubject: where to\r\n\r\n`);
  try {
    const reply = await sendRaw({
      port: platform.ports.submission,
      reversePath: sender,
      recipients: [recipient],
      content,
    });
    queueIds.set(/queued as (\w+)/.exec(reply)?.[1] ?? '', index);
    return '250';
  } catch (error) {
    return /: (\d{3} \d\.\d\.\d) /.exec(String(error))?.[1] ?? String(error);
  }
}

const queueIds = new Map<string, number>();

/** Every arrival and every end without one, by the number of the message. */
async function gatherArrivals(): Promise<Map<number, string[]>> {
  const arrived = new Map<number, string[]>();
  const note = (index: number | undefined, route: string): void => {
    if (index !== undefined) arrived.set(index, [...(arrived.get(index) ?? []), route]);
  };
  for (const [name, sink] of sinks) {
    for (const { content, recipients } of sink.messages)
      for (const recipient of recipients) note(numberOf(content), `${name} ${recipient}`);
  }
  for (const address of ['alice', 'bob', 'keeper', 'ping', 'pong', 'inbox', 'self']) {
    for (const content of await platform.mailbox(`${address}@example.test`)) {
      const deliveredTo = /^Delivered-To: (.*)$/m.exec(content.toString('latin1'))?.[1] ?? '';
      note(numberOf(content), `mailbox ${deliveredTo}`);
    }
  }
  for (const end of await readEnds()) note(queueIds.get(end.queueId), end.route);
  return arrived;
}

function numberOf(content: Buffer): number | undefined {
  const [, digits] = /^X-Question: (\d+)\./m.exec(content.toString('latin1')) ?? [];
  // A report quotes the question it could not deliver; it is no answer to it.
  return digits === undefined || content.includes('multipart/report') ? undefined : Number(digits);
}

/** What the queue manager settled itself, from its log: `error:`, `retry:` and `discard:`. */
async function readEnds(): Promise<{ queueId: string; route: string }[]> {
  const log = await readFile(join(platform.data, 'log', 'queue-manager-0.log'), 'utf8');
  return log
    .split('\n')
    .filter((line) => line.includes('"event":"disposition"'))
    .map((line) => {
      const fields: Record<string, string> = JSON.parse(line);
      return fields;
    })
    .map(({ queueId = '', transport = '', to = '', dsn = '' }) => ({
      queueId,
      route: transport === 'discard' ? `discard ${to}` : `${transport} ${to} ${dsn}`,
    }));
}
