import type { KeeperReply, RecoveryReport, RepairReport } from '@railpost/contracts';
import { expect, it } from 'vitest';
import { formatProgress, formatRepair } from './format-recovery.ts';

const recovery: RecoveryReport = {
  phase: 'putting-back',
  ...{ segments: 200, segmentsDone: 50, messages: 900, complete: 600, putBack: 300 },
  ...{ held: 0, heldOld: 0, damaged: 0 },
};
const repair: RepairReport = {
  phase: 'done',
  ...{ isDryRun: false, open: 10, checked: 10, missing: 0, putBack: 0, queueIds: [] },
};

function reply(more: Partial<KeeperReply>): KeeperReply {
  return {
    version: 1,
    keeper: 'k',
    generation: 2,
    isRecovered: true,
    unaccounted: 0,
    unaccountedIds: [],
    ...more,
  };
}

it.each([
  [reply({ isRecovered: false }), 'NATS has lost what it held; recovery is about to begin'],
  [
    reply({ isRecovered: false, recovery: { ...recovery, phase: 'reading' } }),
    'reading the journal and 200 segments of the spool',
  ],
  [reply({ isRecovered: false, recovery }), '25 %: 900 messages in the spool, 600 finished, 300 put back'],
  [reply({ repair: { ...repair, phase: 'checking', checked: 4 } }), '4 of 10 unfinished messages checked'],
  [
    reply({ repair: { ...repair, phase: 'putting-back', missing: 3, putBack: 1 } }),
    '1 of 3 messages put back',
  ],
  [reply({}), ''],
])('tells how far it is: %#', (given, expected) => {
  expect(formatProgress(given)).toBe(expected);
});

it.each([
  [reply({ repair }), 'All 10 unfinished messages of the spool are in the queue.\n'],
  [
    reply({ repair: { ...repair, missing: 2, putBack: 2, queueIds: ['A'] } }),
    '2 of 10 unfinished messages were in no queue, 2 were put back:\n  A\n  and 1 more\n',
  ],
  [
    reply({ repair: { ...repair, isDryRun: true, missing: 1, queueIds: ['A'] } }),
    '1 of 10 unfinished messages are in no queue and would be put back:\n  A\n',
  ],
  [
    reply({ repair: { ...repair, phase: 'failed', error: 'no owner' } }),
    'The check failed: no owner. Run it again.\n',
  ],
  [
    reply({ recovery: { ...recovery, phase: 'done', held: 2, heldOld: 1, damaged: 1 }, repair }),
    'Recovery 2: 900 messages in the spool, 600 finished, 300 put back (2 of them with something on hold, 1 on hold because nothing is ' +
      'known of them and they are too old, 1 objects of the spool could not be read).\nAll 10 unfinished messages of the spool are in the queue.\n',
  ],
])('tells what was done: %#', (given, expected) => {
  expect(formatRepair(given)).toBe(expected);
});
