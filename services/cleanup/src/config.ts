/** Settings of cleanup; those that every process has are added by the runtime. */
import { type SettingsOf, setting } from '@railpost/runtime';

export const CleanupSettings = {
  concurrency: setting.integer({
    text: 'Messages requested ahead from INCOMING; what is in hand together is published together.',
    default: '256',
    min: 1,
    max: 4096,
    unit: 'messages',
  }),
  ackWait: setting.duration({
    text: 'ack_wait of the durable consumer; a message kept longer than half of it without a sign of life is given back.',
    default: '30s',
    min: '1s',
    max: '10m',
  }),
} as const;

/** Values of {@link CleanupSettings}. */
export type CleanupSettings = SettingsOf<typeof CleanupSettings>;
