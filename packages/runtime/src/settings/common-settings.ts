/**
 * Settings that every process of the platform has: where NATS, the spool and local state are, how it is probed and how
 * it logs. Secrets are file paths.
 */
import { type SettingsOf, setting } from './setting.ts';

/** Names, texts and bounds of the common settings. */
export const CommonSettings = {
  natsUrl: setting.list({ text: 'NATS servers.', default: 'nats://127.0.0.1:4222' }),
  natsMonitorUrl: setting.list({
    text: 'HTTP monitors of all NATS servers; nothing is accepted unless each says sync_always and >= 2.15.1.',
    default: 'http://127.0.0.1:8222',
  }),
  natsUser: setting.optionalText({ text: 'NATS user.' }),
  natsPasswordFile: setting.optionalText({ text: 'File with the password of the NATS user.' }),
  busPrefix: setting.text({
    text: 'First token of every stream, bucket and subject.',
    default: 'rp',
    pattern: /^[A-Za-z0-9-]+$/,
    expected: 'letters, digits and -',
  }),
  spool: setting.text({
    text: 'Spool of record: dir:/absolute/path or s3://bucket/prefix?endpoint=...&region=....',
    pattern: /^(dir:\/|s3:\/\/).+/,
    expected: 'dir:/absolute/path or s3://bucket/prefix',
  }),
  data: setting.text({
    text: 'Folder for local state: the last good configuration.',
    default: './var/process',
  }),
  platformKeyFile: setting.optionalText({
    text: 'File with the key that seals secrets in the configuration.',
  }),
  httpPort: setting.integer({
    text: 'Port of health and metrics; 0 picks a free one.',
    default: '9100',
    min: 0,
    max: 65535,
    unit: 'port',
  }),
  bindAddress: setting.text({ text: 'Address of every listener of this process.', default: '0.0.0.0' }),
  name: setting.optionalText({
    text: 'Name of this process, unique in its service; the host name by default.',
    pattern: /^[A-Za-z0-9-]{1,63}$/,
    expected: 'at most 63 letters, digits and -',
  }),
  logFormat: setting.choice({
    text: 'json, or postfix for lines that pflogsumm reads.',
    default: 'json',
    values: ['json', 'postfix'],
  }),
  logLevel: setting.choice({
    text: 'Least severe level that is written.',
    default: 'info',
    values: ['debug', 'info', 'warn', 'error'],
  }),
  shards: setting.integer({
    text: 'Number of shards that new jobs are spread over.',
    default: '1',
    min: 1,
    max: 64,
    unit: 'shards',
  }),
  leaseTtl: setting.duration({
    text: 'Life of leases and presence without refresh.',
    default: '15s',
    min: '1s',
    max: '5m',
  }),
  heartbeat: setting.duration({
    text: 'Time between heartbeats of a delivery agent.',
    default: '5s',
    min: '100ms',
    max: '1m',
  }),
  crashAt: setting.optionalText({ text: 'For tests: die by SIGKILL at this crash point, NAME[:nth].' }),
  stopAt: setting.optionalText({
    text: 'For tests: stand still by SIGSTOP at this crash point, NAME[:nth].',
  }),
  mutant: setting.optionalText({
    text: 'For tests: break a durability rule on purpose; refused unless RAILPOST_TEST_BUILD=loses-mail.',
  }),
} as const;

/** Values of {@link CommonSettings}. */
export type CommonSettings = SettingsOf<typeof CommonSettings>;
