import type { ObjectStatus } from '@railpost/config';
import { describe, expect, it } from 'vitest';
import { withReady } from './ready-condition.ts';

function object(accepted: 'True' | 'False' = 'True'): ObjectStatus {
  return {
    kind: 'Mailbox',
    namespace: 'default',
    name: 'alice',
    generation: 1,
    conditions: [{ type: 'Accepted', status: accepted, reason: 'Accepted', message: '' }],
    details: {},
  };
}

describe('Ready', () => {
  it.each([
    {
      what: 'all processes have applied it',
      root: 'r2',
      applied: ['r2', 'r2'],
      status: 'True',
      reason: 'Applied',
    },
    { what: 'one is behind', root: 'r2', applied: ['r1', 'r2'], status: 'Unknown', reason: 'Applying' },
    { what: 'nobody is ready', root: 'r2', applied: [], status: 'Unknown', reason: 'NoPods' },
    {
      what: 'the folder has errors',
      root: undefined,
      applied: ['r1'],
      status: 'False',
      reason: 'NotAccepted',
    },
  ])('is $status, $reason, when $what', ({ root, applied, status, reason }) => {
    const { conditions } = withReady(object(), { folderRoot: root, appliedRoots: applied });

    expect(conditions.at(-1)).toMatchObject({ type: 'Ready', status, reason });
  });

  it('is False for an object that is not accepted', () => {
    const { conditions } = withReady(object('False'), { folderRoot: 'r', appliedRoots: ['r'] });

    expect(conditions.at(-1)).toMatchObject({ type: 'Ready', status: 'False', reason: 'NotAccepted' });
  });
});
