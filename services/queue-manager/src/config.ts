/** Process settings of queue-manager, beside the common ones of the runtime. */
import { setting } from '@railpost/runtime';

/** Settings shape; values arrive frozen in app.ts. */
export const QueueManagerSettings = {
  replicas: setting.integer({
    text: 'Replicas of each stream: 1, or 3 where NATS runs in three zones.',
    default: '1',
    min: 1,
    max: 5,
  }),
  incomingMaxBytes: setting.size({
    text: 'Size of INCOMING; a full stream is answered with 452.',
    default: '2Gi',
    min: '1Mi',
    max: '1024Gi',
  }),
  activeMaxBytes: setting.size({
    text: 'Size of all ACTIVE streams together.',
    default: '2Gi',
    min: '1Mi',
    max: '1024Gi',
  }),
  deferMaxBytes: setting.size({
    text: 'Size of all DEFER streams together.',
    default: '4Gi',
    min: '1Mi',
    max: '1024Gi',
  }),
  ackWait: setting.duration({
    text: 'Silence after which NATS gives the messages of an owner (or of a cleanup) to the next one.',
    default: '30s',
    min: '500ms',
    max: '5m',
  }),
  parkAfter: setting.duration({
    text: 'Time in ACTIVE after which a job moves to DEFER, so that finished messages can be purged.',
    default: '60s',
    min: '1s',
    max: '10m',
  }),
  journalRollUp: setting.duration({
    text: 'Time between two rolls of the journal: objects older than that become one, so that a takeover reads few.',
    default: '60s',
    min: '100ms',
    max: '1h',
  }),
} as const;
