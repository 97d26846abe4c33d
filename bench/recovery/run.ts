/** `npm run bench -- recovery`: how long the keeper takes to put everything back from the spool after NATS lost what it held. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Bus, connectBus, ensureStreams } from '@railpost/bus';
import { compile, parseManifests } from '@railpost/config';
import { createCompilerCrypto, publishConfiguration } from '@railpost/runtime';
import { createGeneration, openObjectStore } from '@railpost/spool';
import { type LoggedEvent, type NatsServer, startNatsServer, startServiceProcess } from '@railpost/testkit';
import { UsageError, parseBytes, parseCount } from '../arguments.ts';
import type { Output, Target } from '../measurement.ts';
import { makeSpool } from './make-spool.ts';

/** What `--help` shows. */
export const usage = `Usage: npm run bench -- recovery [flags]

Makes a spool, loses NATS, and measures the keeper that puts everything unfinished back into the queue.

  --messages N  messages in the spool (default 1000000)
  --done SHARE  share of them that the journal calls done, 0 to 1 (default 0: the most work)
  --size SIZE   octets of each message (default 1k)
  --folder DIR  where spool and NATS's data go (default: a temporary folder)
`;

const limitMs = 30 * 60_000;

/** Runs it. @throws UsageError */
export async function run(args: readonly string[], out: Output): Promise<readonly Target[]> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      messages: { type: 'string', default: '1000000' },
      done: { type: 'string', default: '0' },
      size: { type: 'string', default: '1k' },
      folder: { type: 'string', default: tmpdir() },
    },
  });
  const messages = parseCount('messages', values.messages);
  const done = parseShare(values.done);
  const contentBytes = parseBytes('size', values.size);
  const folder = await mkdtemp(join(values.folder, 'railpost-recovery-'));
  const server = await startNatsServer({ storeDir: join(folder, 'nats') });
  const bus = await connectBus({ servers: [server.url], monitorUrls: [server.monitorUrl], name: 'bench' });
  try {
    const location = `dir:${join(folder, 'spool')}`;
    const store = await openObjectStore(location);
    const onProgress = (made: number) => out.progress(`spool: ${made} of ${messages} messages`);
    const open = await makeSpool(store, { messages, done, contentBytes, onProgress });
    for (const generation of [1, 2]) await createGeneration(store, generation);
    await store.close();
    await ensureStreams(bus, { shards: 1, generation: 2 });
    await configure(bus);
    out.progress(`recovering ${open} of ${messages} messages`);
    const found = await measure(server, { location, data: join(folder, 'process') });
    return report(found, { open, stored: await countStored(bus) }, out);
  } finally {
    await bus.close();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function parseShare(text: string): number {
  const share = Number(text);
  if (!(share >= 0 && share <= 1)) throw new UsageError(`--done: "${text}" is not within 0 and 1`);
  return share;
}

async function configure(bus: Bus): Promise<void> {
  const value = {
    apiVersion: 'railpost.io/v1alpha1',
    kind: 'MailPlatform',
    metadata: { name: 'main' },
    spec: { hostname: 'mail.example.test', listeners: [{ name: 'mx', port: 2525, role: 'MX' }] },
  };
  const { objects } = parseManifests([{ path: 'bench.json', position: 0, value }]);
  await publishConfiguration(bus, compile({ objects, crypto: createCompilerCrypto(randomBytes(32)) }).units);
}

interface Found {
  readonly over: LoggedEvent;
  /** Highest resident set of the keeper, octets. */
  readonly peakBytes: number;
}

async function measure(
  server: NatsServer,
  at: { readonly location: string; readonly data: string },
): Promise<Found> {
  const settings = {
    'nats-url': server.url,
    'nats-monitor-url': server.monitorUrl,
    spool: at.location,
    data: at.data,
    'http-port': '0',
    'bind-address': '127.0.0.1',
    name: 'keeper',
    'lease-ttl': '15s',
  };
  const keeper = await startServiceProcess({
    service: 'spool-keeper',
    settings: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    // As `railpost up` starts it.
    environment: { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '32768', MALLOC_TRIM_THRESHOLD_: '131072' },
  });
  try {
    const over = await keeper.waitForEvent('recovery-over', limitMs);
    const status = await readFile(`/proc/${keeper.pid}/status`, 'utf8');
    return { over, peakBytes: Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) * 1024 };
  } finally {
    await keeper.kill();
  }
}

async function countStored(bus: Bus): Promise<number> {
  return (await bus.manager.streams.info(bus.names.incomingStream)).state.bytes;
}

function report(
  { over, peakBytes }: Found,
  spool: { readonly open: number; readonly stored: number },
  out: Output,
): readonly Target[] {
  const seconds = Number(over['durationMs']) / 1000;
  const putBack = Number(over['putBack']);
  const rate = (Number(over['messages']) / seconds).toFixed(0);
  out.text(
    `\n${String(over['messages'])} messages in the spool, ${String(over['complete'])} done, ${putBack} put back ` +
      `(${String(over['held'])} with something on hold), ${rate} messages/s, INCOMING ${(spool.stored / 2 ** 20).toFixed(0)} MiB\n`,
  );
  return [
    { name: 'recovery', value: seconds, unit: 's', atMost: 300 },
    { name: 'most memory of the keeper (RSS)', value: peakBytes / 1e6, unit: 'MB', atMost: 300 },
    {
      name: 'unfinished messages that were not put back',
      value: spool.open - putBack,
      unit: 'messages',
      atMost: 0,
    },
  ];
}
