/** Settings of `railpost up`: where things are on this machine. What mail may do stands in the manifests. */
import { type SettingsOf, setting } from '@railpost/runtime';

/** Names, texts, defaults and bounds. */
export const UpSettings = {
  file: setting.list({ text: 'Folder (or file) of manifests; may be repeated. Short: -f.' }),
  data: setting.text({
    text: 'Folder for everything that is kept: queue, spool, mail, keys, logs.',
    default: 'var',
  }),
  replicas: setting.list({
    text: 'SERVICE=N: processes of a service (default 1); smtp-ingress adds 1000 to its ports per further process.',
    default: '',
  }),
  shards: setting.integer({ text: 'Shards of the queue.', default: '1', min: 1, max: 64, unit: 'shards' }),
  natsUrl: setting.list({
    text: 'NATS servers to use; empty: a nats-server of its own is started.',
    default: '',
  }),
  natsMonitorUrl: setting.list({ text: 'HTTP monitors of the servers of --nats-url.', default: '' }),
  natsUser: setting.optionalText({ text: 'NATS user for --nats-url.' }),
  natsPasswordFile: setting.optionalText({ text: 'File with the password of --nats-user.' }),
  busPrefix: setting.text({
    text: 'First token of every stream, bucket and subject.',
    default: 'rp',
    pattern: /^[A-Za-z0-9-]+$/,
    expected: 'letters, digits and -',
  }),
  spool: setting.optionalText({
    text: 'Spool of record, dir:/path or s3://bucket/prefix?endpoint=...; `spool` in the data folder by default.',
    pattern: /^(dir:\/|s3:\/\/).+/,
    expected: 'dir:/absolute/path or s3://bucket/prefix',
  }),
  bindAddress: setting.text({
    text: 'Address of all listeners, health ports included.',
    default: '127.0.0.1',
  }),
  portOffset: setting.integer({
    text: 'Added to every port (listeners and health), for a second platform on one machine.',
    default: '0',
    min: 0,
    max: 50_000,
    unit: 'ports',
  }),
  healthPort: setting.integer({
    text: 'First port of health and metrics; further processes follow.',
    default: '9101',
    min: 1,
    max: 65_000,
    unit: 'port',
  }),
  dnsServers: setting.list({ text: 'Name servers for MX lookups, address or address:port.', default: '' }),
  logFormat: setting.choice({
    text: 'json, or postfix for lines that pflogsumm reads.',
    default: 'json',
    values: ['json', 'postfix'],
  }),
  logLevel: setting.choice({
    text: 'Least severe level in the log files.',
    default: 'info',
    values: ['debug', 'info', 'warn', 'error'],
  }),
  restartPause: setting.duration({
    text: 'Longest pause before a process that keeps dying is started again.',
    default: '10s',
    min: '200ms',
    max: '10m',
  }),
  set: setting.list({
    text: 'SERVICE.SETTING=VALUE: a process setting of one service, for example delivery-smtp.slots=50.',
    default: '',
  }),
  verbose: setting.toggle({ text: 'Show every log line here, not only warnings.' }),
} as const;

/** Values of {@link UpSettings}. */
export type UpSettings = SettingsOf<typeof UpSettings>;
