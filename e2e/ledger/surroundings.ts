/**
 * What stands around a platform: where its data lie, which NATS and which object storage it uses, what is between them. Each layout is
 * the place of some faults; a part runs on one layout.
 */
import { join } from 'node:path';
import { type NatsServer, startNatsCluster, startNatsServer, startS3Server } from '@railpost/testkit';
import { PowerImage, SmallDisk } from './mounts.ts';
import { type NatsProxy, startNatsProxy } from './nats-proxy.ts';
import { Random } from './random.ts';
import { type S3Proxy, startS3Proxy } from './s3-proxy.ts';

/**
 * Names of layouts. `plain`: as `railpost up` runs by itself. `dying-agents`: agents have a crash point. `proxied`: a proxy before NATS.
 * `cluster`: three NATS servers. `s3`: object storage behind a proxy. `small-disks`: NATS and spool on file systems that can be full.
 * `image`: everything on an image that power is cut from.
 */
export type LayoutName = 'plain' | 'dying-agents' | 'proxied' | 'cluster' | 's3' | 'small-disks' | 'image';

/** A layout that is set up. */
export interface Surroundings {
  /** Further arguments of `railpost up`. */
  readonly arguments: readonly string[];
  /** Folder of the platform; one in the folder of the part when it does not matter. */
  readonly folder?: string;
  /** What a process dies of that no fault announced. */
  readonly unannouncedDeath?: string;
  /** Called when the platform has started for the first time. */
  readonly onStarted?: () => Promise<void>;
  readonly natsProxy?: NatsProxy;
  readonly cluster?: readonly NatsServer[];
  readonly s3?: S3Proxy;
  /** Where NATS (of `railpost up`) and the spool write. */
  readonly disks?: { readonly nats: SmallDisk; readonly spool: SmallDisk };
  readonly image?: PowerImage;
  dispose(): Promise<void>;
}

const services = [
  'smtp-ingress',
  'cleanup',
  'queue-manager',
  'delivery-smtp',
  'delivery-mailbox',
  'bounce',
  'spool-keeper',
];

/** Two owners and two agents share the work; leases, heartbeats and redeliveries are short, so that a thousand faults take hours. */
const commonArguments: readonly string[] = [
  ...['--shards', '2'],
  ...['--replicas', 'queue-manager=2', '--replicas', 'delivery-smtp=2'],
  ...services.flatMap((each) => ['--set', `${each}.lease-ttl=6s`, '--set', `${each}.heartbeat=2s`]),
  ...['--set', 'cleanup.ack-wait=8s', '--set', 'queue-manager.ack-wait=8s'],
  // Faults strike the same process again and again, and a strike should find it.
  ...['--restart-pause', '500ms'],
  // Stuck counts as lost after 120 s, and nobody is there to read an alert.
  ...['--set', 'spool-keeper.repair-after=10s'],
];

/** An agent dies each time it has read so many replies to the final dot. */
const repliesPerDeath = 150;
const mebibyte = 1024 * 1024;
/** At most 512 MB. */
const imageBytes = 500 * mebibyte;

const setUps: Readonly<Record<LayoutName, (folder: string) => Promise<Surroundings>>> = {
  plain: async () => ({ arguments: commonArguments, dispose: nothing }),
  'dying-agents': async () => ({
    arguments: [...commonArguments, '--set', `delivery-smtp.crash-at=smtp.250-read:${repliesPerDeath}`],
    unannouncedDeath: 'crash point smtp.250-read: it dies with a 250 that nobody else has heard',
    dispose: nothing,
  }),
  proxied: setUpProxied,
  cluster: setUpCluster,
  s3: setUpS3,
  'small-disks': setUpSmallDisks,
  image: setUpImage,
};

/** Sets a layout up. @param folder a folder of its own */
export function setUp(layout: LayoutName, folder: string): Promise<Surroundings> {
  return setUps[layout](folder);
}

async function nothing(): Promise<void> {
  // Nothing was set up.
}

async function setUpProxied(): Promise<Surroundings> {
  const server = await startNatsServer();
  const natsProxy = await startNatsProxy(Number(new URL(server.url).port));
  return {
    arguments: [...commonArguments, '--nats-url', natsProxy.url, '--nats-monitor-url', server.monitorUrl],
    natsProxy,
    async dispose() {
      await natsProxy.close();
      await server.stop();
    },
  };
}

async function setUpCluster(): Promise<Surroundings> {
  const cluster = await startNatsCluster(3);
  const urls = cluster.map(({ url }) => url).join(',');
  const monitors = cluster.map(({ monitorUrl }) => monitorUrl).join(',');
  return {
    arguments: [
      ...commonArguments,
      ...['--nats-url', urls, '--nats-monitor-url', monitors, '--set', 'queue-manager.replicas=3'],
    ],
    cluster,
    async dispose() {
      await Promise.all(cluster.map((server) => server.stop()));
    },
  };
}

async function setUpS3(): Promise<Surroundings> {
  const server = await startS3Server();
  const s3 = await startS3Proxy(server.endpoint, new Random('s3'));
  const location = (await server.location('ledger')).replace(server.endpoint, s3.endpoint);
  return {
    arguments: [...commonArguments, '--spool', location],
    s3,
    async dispose() {
      await s3.close();
      await server.stop();
    },
  };
}

async function setUpSmallDisks(folder: string): Promise<Surroundings> {
  const platform = join(folder, 'platform');
  const nats = await SmallDisk.mount(join(platform, 'var', 'nats', 'store'), 512 * mebibyte);
  const spool = await SmallDisk.mount(join(folder, 'spool'), 1024 * mebibyte);
  return {
    arguments: [...commonArguments, '--spool', `dir:${join(spool.folder, 'spool')}`],
    folder: platform,
    disks: { nats, spool },
    async dispose() {
      await nats.unmount();
      await spool.unmount();
    },
  };
}

async function setUpImage(folder: string): Promise<Surroundings> {
  const image = await PowerImage.make(join(folder, 'disk'), join(folder, 'image'), imageBytes);
  return {
    arguments: commonArguments,
    folder: image.folder,
    image,
    onStarted: () => image.sync(),
    dispose: () => image.dispose(),
  };
}
