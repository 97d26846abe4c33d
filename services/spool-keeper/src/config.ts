/** Process settings of spool-keeper, beside the common ones of the runtime. */
import { setting } from '@railpost/runtime';

/** Settings shape; values arrive frozen in app.ts. */
export const SpoolKeeperSettings = {
  garbageAfter: setting.duration({
    text: 'Age from which a segment may be deleted when the journal says that all of it is done.',
    default: '10m',
    min: '100ms',
    max: '7d',
  }),
  garbageEvery: setting.duration({
    text: 'Time between two looks for garbage.',
    default: '60s',
    min: '100ms',
    max: '1h',
  }),
  orphanEvery: setting.duration({
    text: 'Time between two looks for messages that nobody has; missing in two of them, a message counts as unaccounted for.',
    default: '15s',
    min: '100ms',
    max: '10m',
  }),
  orphanAfter: setting.duration({
    text: 'Age from which a message of the spool must be in the queue.',
    default: '20s',
    min: '100ms',
    max: '10m',
  }),
  repairAfter: setting.duration({
    text: 'Time for which messages stay unaccounted for before they are put back without being asked. railpost recover does it at once.',
    default: '2m',
    min: '100ms',
    max: '30d',
  }),
  journalKeep: setting.duration({
    text: 'Time for which the journal keeps what it says of messages that are in the spool no more.',
    default: '24h',
    min: '100ms',
    max: '30d',
  }),
} as const;
