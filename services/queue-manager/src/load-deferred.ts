/**
 * Reads DEFER into the queue of a new owner (durability rule 3): of each record its subject and the summary in its header, as they lie in what
 * NATS sent. A million records are read in seconds, so a record leaves nothing behind but its job. What the header does not say,
 * because it is of another version, stands in the record itself; what is no record of any version goes to CORRUPT.
 */
import { type DeferEntry, deleteStored, scanDefer } from '@railpost/bus';
import { type DeferState, type DeferSummary, parseDeferSummary } from '@railpost/contracts';
import { createTidier } from '@railpost/runtime';
import { moveToCorrupt } from './corrupt.ts';
import { summaryOf } from './effects.ts';
import { recordCorrupt } from './events.ts';
import { readDeferRecord } from './gather.ts';
import type { QueuedJob } from './queue/queued-job.ts';
import { ScannedJobs } from './queue/scanned-job.ts';
import type { Term } from './term.ts';

/** Which job a record is of. */
interface Named {
  readonly sequence: number;
  /** Token of the destination. */
  readonly destination: string;
  readonly jobId: string;
}

/** A record whose header does not say enough. */
interface Unreadable {
  readonly named: Named;
  readonly busSubject: string;
}

const entriesPerTidying = 10_000;

/** Fills the queue; owner.ts places the jobs when all are there. @throws BusUnavailableError when the scan did not come to its end */
export async function loadDeferred(term: Term, untilEpoch: number): Promise<void> {
  const { context, shard } = term;
  const unreadable: Unreadable[] = [];
  const jobs = new ScannedJobs(context.clock.nowMs());
  const tidy = createTidier({ allowedShare: 0.4 });
  let scanned = 0;
  await scanDefer(context.bus, {
    shard,
    untilEpoch,
    onEntry: (entry) => {
      // What was read of a million entries would be garbage for too long.
      scanned += 1;
      if (scanned % entriesPerTidying === 0) tidy();
      const { octets, summaryAt, summaryEnd } = entry;
      const summary = parseDeferSummary(octets, summaryAt, summaryEnd);
      const named = nameOf(entry);
      if (summary !== undefined) addScanned(term, jobs, named, summary);
      else unreadable.push({ named, busSubject: textOf(entry, entry.subjectAt, entry.subjectEnd) });
    },
    signal: term.signal,
  });
  if (scanned >= entriesPerTidying) tidy(true);
  for (const entry of unreadable) await addUnreadable(term, jobs, entry);
}

const dot = 0x2e;

/** The last two tokens of the subject. */
function nameOf(entry: DeferEntry): Named {
  const { octets, subjectAt, subjectEnd, sequence } = entry;
  const jobAt = tokenBefore(octets, subjectEnd, subjectAt);
  const destinationAt = tokenBefore(octets, jobAt - 1, subjectAt);
  return {
    sequence,
    destination: textOf(entry, destinationAt, jobAt - 1),
    jobId: textOf(entry, jobAt, subjectEnd),
  };
}

/** Where the token begins that ends at a position. */
function tokenBefore(octets: Uint8Array, end: number, first: number): number {
  let start = end;
  while (start > first && octets[start - 1] !== dot) start -= 1;
  return start;
}

function textOf({ octets }: DeferEntry, start: number, end: number): string {
  return octets.toString('latin1', start, end);
}

async function addUnreadable(
  term: Term,
  jobs: ScannedJobs,
  { named, busSubject }: Unreadable,
): Promise<void> {
  const { context, shard } = term;
  const stored = await readDeferRecord(context, shard, named.sequence);
  if (stored.kind === 'record') return addScanned(term, jobs, named, summaryOf(stored.record));
  if (stored.kind === 'missing') return;
  const { bus, log } = context;
  const { payload } = stored;
  await moveToCorrupt(term, { reason: 'undecodable', text: 'not a DEFER record', busSubject, payload });
  recordCorrupt(log, { busSubject, reason: 'not a DEFER record' });
  await deleteStored(bus, bus.names.deferStream(shard), named.sequence);
}

function addScanned(term: Term, jobs: ScannedJobs, named: Named, summary: DeferSummary): void {
  const { queue } = term;
  const { jobId, destination, sequence } = named;
  const known = queue.get(jobId);
  if (known !== undefined) {
    known.deferSequence = sequence;
    return;
  }
  const { transport, queueId, state, receivedAtMs, nextMs, tries } = summary;
  queue.add(
    jobs.add({
      jobId,
      queueId,
      destination: queue.destinations.at(destination, transport),
      state,
      task: taskOfState(state),
      receivedAtMs,
      nextMs,
      tries,
      deferSequence: sequence,
    }),
  );
}

function taskOfState(state: DeferState): QueuedJob['task'] {
  if (state === 'bouncing') return 'failure';
  return state === 'reporting' ? 'success' : 'deliver';
}
