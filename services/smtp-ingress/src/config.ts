/** Settings of this process beside the common ones. What mail may do stands in manifests; these say where things are. */
import { availableParallelism } from 'node:os';
import { type SettingsOf, setting } from '@railpost/runtime';

/** Own settings. */
export const IngressConfig = {
  portOffset: setting.integer({
    text: 'Added to the port of every listener: for several ingress processes on one machine.',
    default: '0',
    min: 0,
    max: 60000,
    unit: 'ports',
  }),
  tlsCertFile: setting.optionalText({
    text: 'PEM certificate chain for listeners without certificates of their own; read again when it changes.',
  }),
  tlsKeyFile: setting.optionalText({ text: 'PEM private key of --tls-cert-file.' }),
  loginConcurrency: setting.integer({
    text: 'Password checks that run at once; four times as many wait, further logins hear 454.',
    default: String(Math.max(2, availableParallelism())),
    min: 1,
    max: 256,
    unit: 'logins',
  }),
  diskReserve: setting.size({
    text: 'Mail is refused (452) while a volume it is kept on has less free, or less than 5 % where that is less; 0: never.',
    default: '512Mi',
    min: '0',
    max: '1Ti',
  }),
  watchedFolders: setting.list({
    text: "Folders on further volumes that need room, for example NATS's store when it is on this machine.",
    default: '',
  }),
  queueLimit: setting.integer({
    text: 'Mail is refused (452) while so many messages and jobs are queued; 0: no limit but that of the streams.',
    default: '5000000',
    min: 0,
    max: 1_000_000_000,
    unit: 'messages',
  }),
} as const;

/** Values of {@link IngressConfig}. */
export type IngressConfig = SettingsOf<typeof IngressConfig>;
