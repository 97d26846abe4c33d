/**
 * What stands around a platform: where its data lie, which NATS and which object storage it uses, what is between them. Each layout is
 * the place of some faults; a part runs on one layout.
 */

/** Names of layouts. */
export type LayoutName = 'plain';

/** A layout that is set up. */
export interface Surroundings {
  /** Further arguments of `railpost up`. */
  readonly arguments: readonly string[];
  /** Variables of its processes. */
  readonly environment: Readonly<Record<string, string>>;
  /** Folder of the platform; one in the folder of the part when it does not matter. */
  readonly folder?: string;
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
export const commonArguments: readonly string[] = [
  ...['--shards', '2'],
  ...['--replicas', 'queue-manager=2', '--replicas', 'delivery-smtp=2'],
  ...services.flatMap((each) => ['--set', `${each}.lease-ttl=6s`, '--set', `${each}.heartbeat=2s`]),
  ...['--set', 'cleanup.ack-wait=8s', '--set', 'queue-manager.ack-wait=8s'],
];

/** Sets a layout up. @param folder a folder of its own */
export async function setUp(layout: LayoutName, _folder: string): Promise<Surroundings> {
  switch (layout) {
    case 'plain':
      return { arguments: commonArguments, environment: {}, dispose: async () => undefined };
  }
}
