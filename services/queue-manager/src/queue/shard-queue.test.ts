import type { BusMessage } from '@railpost/bus';
import type { DeferRecord } from '@railpost/contracts';
import { describe, expect, it } from 'vitest';
import type { QueuedJob } from './queued-job.ts';
import { ShardQueue } from './shard-queue.ts';

function openQueue(): ShardQueue {
  return new ShardQueue({
    concurrency: () => ({ concurrencyInitial: 5, concurrencyLimit: 20 }),
    adopting: () => 'none',
    isNew: () => false,
    suspendedDomain: () => undefined,
  });
}

/** A job that came to ACTIVE at a time, with a record that nobody looks into. */
function addJob(queue: ShardQueue, jobId: string, storedAtMs = 0): QueuedJob {
  const job: QueuedJob = {
    jobId,
    queueId: `of-${jobId}`,
    destination: queue.destinations.at('smtp_003ax_002etest', 'smtp'),
    receivedAtMs: 0,
    state: 'active',
    stage: 'settling',
    task: 'deliver',
    nextMs: 0,
    tries: 0,
    deferSequence: 0,
    active: { storedAtMs } as BusMessage, // the only thing that the queue asks of it
    record: {} as DeferRecord, // loaded is enough
    mayBeElsewhere: false,
    wasSuspended: false,
    activeAtMs: 0,
    batch: undefined,
    work: undefined,
  };
  queue.add(job);
  queue.place(job, 0);
  return job;
}

describe('a batch', () => {
  function dispatch(width: number, size: number) {
    const queue = openQueue();
    const jobs = Array.from({ length: size }, (_, index) => addJob(queue, `j${index}`));
    const lane = queue.destinations.at('smtp_003ax_002etest', 'smtp');
    const batch = queue.openBatch(lane, 1000);
    queue.setWidth(batch, width);
    for (const job of jobs) queue.markDispatched(job, batch);
    return { queue, jobs, lane, batch };
  }

  it('counts against the window with the jobs that may run, until fewer are left', () => {
    const { queue, jobs, lane } = dispatch(2, 5);

    const counts = [lane.inFlight];
    for (const job of jobs) {
      queue.markSettling(job);
      counts.push(lane.inFlight);
    }

    expect(counts).toEqual([2, 2, 2, 2, 1, 0]);
  });

  it('gives room back when its agent runs fewer at once', () => {
    const { queue, lane, batch } = dispatch(4, 8);

    queue.setWidth(batch, 1);

    expect(lane.inFlight).toBe(1);
  });

  it('leaves a lane among those that have something to do only while its window has room', () => {
    const { queue, jobs, lane } = dispatch(5, 5);
    addJob(queue, 'next');

    expect(queue.runnable('smtp').has(lane)).toBe(false);
    for (const job of jobs.slice(0, 1)) queue.markSettling(job);
    expect(queue.runnable('smtp').has(lane)).toBe(true);
  });

  it('deepens the next one when all of it was over soon, and not when it was a small one', () => {
    const full = dispatch(1, 1);
    for (const job of full.jobs) full.queue.markSettling(job);
    full.queue.noteEnded(full.batch, 1010);
    expect(full.lane.depth).toBe(2);

    full.lane.depth = 8;
    const small = full.queue.openBatch(full.lane, 2000);
    const job = addJob(full.queue, 'small');
    full.queue.markDispatched(job, small);
    full.queue.markSettling(job);
    full.queue.noteEnded(small, 2010);

    expect(full.lane.depth).toBe(8);
  });
});

describe('jobs in ACTIVE', () => {
  it('are looked at by age, the old ones only, and not once they have left it', () => {
    const queue = openQueue();
    const jobs = [10, 20, 30, 40].map((storedAtMs) => addJob(queue, `j${storedAtMs}`, storedAtMs));
    const [first] = jobs;
    if (first !== undefined) queue.clearActive(first);

    expect([...queue.activeUntil(30)].map((job) => job.jobId)).toEqual(['j20', 'j30']);
    expect(first?.destination.activeCount).toBe(3);
  });
});
