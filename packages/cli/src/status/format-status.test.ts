import { expect, it } from 'vitest';
import { formatStatus } from './format-status.ts';
import type { PlatformStatus } from './platform-status.ts';

const status: PlatformStatus = {
  configuration: { root: 'aaaaaaaaaaaaaaaa', revision: 7 },
  processes: [
    {
      version: 1,
      service: 'cleanup',
      name: 'cleanup-0',
      release: '0.1.0',
      startedAt: '2026-11-21T16:00:00.000Z',
      isReady: true,
      configurationRoot: 'bbbbbbbbbbbbbbbb',
      shards: [],
      httpUrl: 'http://127.0.0.1:9102',
      problems: [],
    },
  ],
  shards: [{ shard: 0, owner: '', epoch: 0 }],
  queues: { incoming: 0, active: 1, deferred: 2, hold: 3, corrupt: 0 },
  objects: [
    {
      kind: 'Mailbox',
      namespace: 'default',
      name: 'alice',
      conditions: [
        {
          type: 'Ready',
          status: 'Unknown',
          reason: 'Applying',
          message: '1 processes have not applied it yet',
        },
      ],
    },
  ],
  problems: ['shard 0 has no owner'],
};

it('shows processes, shards, queues, objects and problems', () => {
  expect(formatStatus(status).split('\n')).toEqual([
    'configuration  revision 7, root aaaaaaaaaaaa',
    'queues         incoming 0, active 1, deferred 2, hold 3, corrupt 0',
    '',
    'PROCESS    READY  CONFIGURATION          SHARDS  HEALTH',
    'cleanup-0  yes    bbbbbbbbbbbb (behind)          http://127.0.0.1:9102/health',
    '',
    'SHARD  OWNER   ACTIVE  DEFERRED  HOLD  IN FLIGHT  DESTINATIONS',
    '0      nobody  -       -         -     -          -',
    '',
    'KIND     READY',
    'Mailbox  0/1',
    '  Mailbox default/alice: Applying 1 processes have not applied it yet',
    '',
    'Problems:',
    '  shard 0 has no owner',
    '',
  ]);
});
