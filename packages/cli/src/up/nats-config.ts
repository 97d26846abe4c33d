/**
 * Configuration of the nats-server that `railpost up` runs: loopback only, one user with a password from a file, every
 * write synced before it is acknowledged (`sync_interval: always`, without which ingress accepts nothing).
 */

/** Where things are. */
export interface NatsPlace {
  readonly port: number;
  readonly monitorPort: number;
  readonly storeDirectory: string;
  readonly user: string;
  readonly password: string;
}

/** The text of the configuration file. */
export function formatNatsConfig(at: NatsPlace): string {
  return [
    '# Written by railpost up at each start; changes are lost.',
    'server_name: railpost',
    'host: 127.0.0.1',
    `port: ${at.port}`,
    `http: "127.0.0.1:${at.monitorPort}"`,
    `authorization { user: ${JSON.stringify(at.user)}, password: ${JSON.stringify(at.password)} }`,
    'jetstream {',
    `  store_dir: ${JSON.stringify(at.storeDirectory)}`,
    '  sync_interval: always',
    '  max_memory_store: 64MB',
    // Streams have bounds of their own (max_bytes), scaled to the disk; this one must only not be in their way.
    '  max_file_store: 1TB',
    '}',
    '',
  ].join('\n');
}
