/**
 * How commands reach the running platform: by `--nats-url` and the like, else by what `railpost up` wrote into the data
 * folder. Asks shards through their owners (contracts/control.ts).
 */
import { connect } from 'node:net';
import { type Bus, connectBus, listShards } from '@railpost/bus';
import { ControlReply, type ControlRequest, encodeRecord, parseRecord } from '@railpost/contracts';
import { type SettingsOf, setting } from '@railpost/runtime';
import { Complaint } from '../complaint.ts';
import { type RunFile, readRunFile } from './run-file.ts';

/** Settings that every command on a running platform has. */
export const PlatformSettings = {
  data: setting.text({ text: 'Data folder of a platform that `railpost up` runs.', default: 'var' }),
  natsUrl: setting.list({ text: 'NATS servers; for a platform that runs elsewhere.', default: '' }),
  natsUser: setting.optionalText({ text: 'NATS user.' }),
  natsPasswordFile: setting.optionalText({ text: 'File with the password of --nats-user.' }),
  busPrefix: setting.text({ text: 'First token of every subject, with --nats-url.', default: 'rp' }),
  spool: setting.optionalText({ text: 'Spool of record, with --nats-url.' }),
} as const;
export type PlatformSettings = SettingsOf<typeof PlatformSettings>;

/** A reachable platform. */
export interface Platform {
  readonly bus: Bus;
  /** Undefined when the platform was named by --nats-url without --spool. */
  readonly spool: string | undefined;
  /** Undefined when it was not found by a data folder. */
  readonly run: RunFile | undefined;
}

/** NATS cannot be asked; what the processes say of themselves still can. */
export class BusSilentComplaint extends Complaint {
  override readonly name = 'BusSilentComplaint';
  readonly run: RunFile | undefined;

  constructor(message: string, run: RunFile | undefined) {
    super(message);
    this.run = run;
  }
}

const connectMs = 3000;
const answerMs = 10_000;

/** Opens it; the caller closes the bus. @throws Complaint when it cannot be found or does not answer */
async function openPlatform(settings: PlatformSettings): Promise<Platform> {
  const run = settings.natsUrl.length > 0 ? undefined : await readRunFile(settings.data);
  if (run === undefined && settings.natsUrl.length === 0)
    throw new Complaint(
      `no platform runs in ${settings.data}; start it with railpost up, or name another one with --data or --nats-url`,
    );
  const at = run ?? { ...settings, natsMonitorUrl: [] };
  if (!(await answersAny(at.natsUrl)))
    throw new BusSilentComplaint(`nothing answers at ${at.natsUrl.join(', ')}: is nats-server running?`, run);
  const bus = await connectBus({
    servers: at.natsUrl,
    monitorUrls: at.natsMonitorUrl,
    prefix: at.busPrefix,
    name: 'railpost command',
    ...(at.natsUser === undefined ? {} : { user: at.natsUser }),
    ...(at.natsPasswordFile === undefined ? {} : { passwordFile: at.natsPasswordFile }),
  });
  return { bus, spool: at.spool, run };
}

/** Runs `work` on the platform and closes it. */
export async function withPlatform<Value>(
  settings: PlatformSettings,
  work: (platform: Platform) => Promise<Value>,
): Promise<Value> {
  const platform = await openPlatform(settings);
  try {
    return await work(platform);
  } finally {
    await platform.bus.close();
  }
}

/** Asks the owner of one shard. @throws Complaint when nobody owns it or it does not answer */
export async function askShard(bus: Bus, shard: number, request: ControlRequest): Promise<ControlReply> {
  const reply = await bus.connection
    .request(bus.names.controlSubject(shard), encodeRecord(request), { timeout: answerMs })
    .catch((error: unknown) => {
      throw new Complaint(
        `shard ${shard} does not answer: has a queue-manager taken it? (${describe(error)})`,
      );
    });
  const answer = ControlReply.parse(parseRecord(reply.data));
  if (answer.error !== undefined) throw new Complaint(`shard ${shard}: ${answer.error}`);
  return answer;
}

/** Asks the owners of all shards that exist. @throws Complaint as {@link askShard} */
export async function askAllShards(bus: Bus, request: ControlRequest): Promise<readonly ControlReply[]> {
  const shards = await listShards(bus);
  if (shards.length === 0)
    throw new Complaint('there are no queues yet: the platform has never been started');
  return Promise.all(shards.map((shard) => askShard(bus, shard, request)));
}

async function answersAny(urls: readonly string[]): Promise<boolean> {
  const found = await Promise.all(urls.map(answers));
  return found.includes(true);
}

function answers(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url.includes('://') ? url : `nats://${url}`);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port || 4222), timeout: connectMs });
    const end = (isThere: boolean) => {
      socket.destroy();
      resolve(isThere);
    };
    // A server speaks first; one that stands still is connected to by the kernel alone.
    socket.once('data', () => end(true));
    socket.once('end', () => end(false));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
