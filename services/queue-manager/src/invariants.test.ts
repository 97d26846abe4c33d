/** Invariants 2 and 3: silent while they hold, and loud when they do not. */
import { createRegistry } from '@railpost/runtime';
import type { DeferRecord } from '@railpost/contracts';
import { EventLog } from '@railpost/runtime';
import { expect, it } from 'vitest';
import { assertDeliverable, assertJournalled } from './invariants.ts';
import { createMetrics } from './metrics.ts';
import { DoneSet } from './queue/done-set.ts';
import type { QueuedJob } from './queue/queued-job.ts';

function openParts() {
  const lines: string[] = [];
  const problems = new Map<string, string | undefined>();
  const registry = createRegistry('queue-manager', 'test');
  const log = new EventLog({
    service: 'queue-manager',
    processName: 'q',
    format: 'json',
    level: 'info',
    write: (text) => lines.push(text),
  });
  const parts = {
    context: { log, setProblem: (key: string, text: string | undefined) => problems.set(key, text) },
    metrics: createMetrics(registry, () => []),
    done: new DoneSet(),
  };
  const violations = async () => {
    const metric = await registry.getSingleMetric('railpost_invariant_violations_total')?.get();
    return metric?.values.map(({ labels, value }) => [labels['invariant'], value]);
  };
  return { parts, violations, problems };
}

function jobOf(record: object, more: object = {}): QueuedJob {
  const recipients = [{ orig: 0, final: 'a@x.test', run: 'r', n: 1 }];
  const whole = { job: { queueId: 'q', recipients }, done: [], bouncing: [], ...record };
  // Only what the assertions look at.
  return { jobId: 'j', task: 'deliver', record: whole as unknown as DeferRecord, ...more } as QueuedJob;
}

it('a job may be let go when the journal has all of it, today or before', async () => {
  const { parts, violations } = openParts();
  const entry = { queueId: 'q', orig: 0, final: 'a@x.test', kind: 'delivered', run: 'r', n: 1 } as const;
  assertJournalled(parts, jobOf({ done: [0] }));
  parts.done.add(entry, 1, 0);
  assertJournalled(parts, jobOf({}));

  expect(await violations()).toEqual([
    ['2', 0],
    ['3', 0],
  ]);
});

it('a job that is let go before is counted, logged and stated', async () => {
  const { parts, violations, problems } = openParts();
  assertJournalled(parts, jobOf({}));

  expect(await violations()).toEqual([
    ['2', 1],
    ['3', 0],
  ]);
  expect(problems.get('invariant-2')).toContain('job j is acknowledged');
});

it.each([
  ['held', 'deliver', 1],
  ['bouncing', 'deliver', 1],
  ['bouncing', 'failure', 0],
  ['deferred', 'deliver', 0],
])('dispatching in state %s with task %s counts %i', async (state, task, count) => {
  const { parts, violations } = openParts();
  assertDeliverable(parts, jobOf({ state }, { task }));

  expect((await violations())?.at(-1)).toEqual(['3', count]);
});
