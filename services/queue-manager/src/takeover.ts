/**
 * Taking a shard over, step by step as durability rule 3 says: lease, `_epoch` read, lease refreshed, `_epoch` published,
 * announced, journal loaded, DEFER scanned until our own `_epoch` record. Only then is ACTIVE consumed (owner.ts).
 * Between any two steps another process may do the same; the fence decides. Rejects with DeposedError, LeaseLostError or
 * what NATS and the spool reject with; nothing has to be undone.
 */
import {
  type DeferEntry,
  type FencedWriter,
  type LeaseTerm,
  announce,
  deleteStored,
  generationOf,
  openFence,
  readPosition,
  scanDefer,
} from '@railpost/bus';
import {
  type DeferState,
  type DeferSummary,
  type EpochAnnouncement,
  encodeRecord,
  parseDeferSummary,
} from '@railpost/contracts';
import { createTidier } from '@railpost/runtime';
import {
  type GenerationState,
  type JournalDamage,
  createGeneration,
  loadJournal,
  openJournalWriter,
  readGenerationState,
} from '@railpost/spool';
import type { QueueContext, Timing } from './context.ts';
import { moveToCorrupt } from './corrupt.ts';
import { stateDamages } from './damaged-journal.ts';
import { summaryOf } from './effects.ts';
import { EarlierGenerationError, LeaseLostError } from './errors.ts';
import { recordCorrupt } from './events.ts';
import { readDeferRecord } from './gather.ts';
import type { QueueMetrics } from './metrics.ts';
import type { QueuedJob } from './queue/queued-job.ts';
import { ScannedJobs } from './queue/scanned-job.ts';
import { Term } from './term.ts';

/** What a takeover needs. */
export interface TakeoverParts {
  readonly context: QueueContext;
  readonly timing: Timing;
  readonly metrics: QueueMetrics;
  readonly shard: number;
  readonly lease: LeaseTerm;
}

/** A shard taken over, with its queue filled from DEFER. */
export interface Takeover {
  readonly term: Term;
  /** Entries loaded from the journal. */
  readonly journalled: number;
  /** Where what was loaded begins, milliseconds since the epoch. */
  readonly journalSinceMs: number;
  /** False while messages of earlier generations may still be put back. */
  readonly isRecovered: boolean;
}

/** Clocks of owners and NATS servers may differ by this much, and an owner may die this long after its last journal object. */
const journalSlackMs = 60_000;
const entriesPerTidying = 10_000;

/** Takes the shard over. */
export async function takeOver(parts: TakeoverParts): Promise<Takeover> {
  const { context, shard, lease } = parts;
  context.crashPoint('takeover.lease');
  const writer = await claimFence(parts);
  const { generation, isRecovered } = await findGeneration(context);
  if (generationOf(writer.epoch) !== generation) throw new EarlierGenerationError(shard, generation);
  await announceEpoch(context, shard, writer.epoch);
  context.crashPoint('takeover.announced');
  const journal = openJournalWriter(
    context.store,
    { generation, shard, epoch: writer.epoch },
    {
      onFailure: () =>
        context.setProblem(
          `journal-${shard}`,
          `the journal of shard ${shard} cannot be written; outcomes wait until the spool takes writes again`,
        ),
    },
  );
  const term = new Term({ ...parts, generation, writer, journal });
  const damages: JournalDamage[] = [];
  const loaded = await loadDone(term, isRecovered, (damage) => damages.push(damage));
  context.crashPoint('takeover.scanning');
  await scan(term, writer.epoch);
  if (!lease.isHeld()) throw new LeaseLostError(shard);
  stateDamages(term, damages);
  return { term, ...loaded, isRecovered };
}

/** The spool's generation; the first one is made when there is none. @throws SpoolUnavailableError */
async function findGeneration({ store }: Pick<QueueContext, 'store'>): Promise<GenerationState> {
  const present = await readGenerationState(store);
  if (present.generation > 0) return present;
  await createGeneration(store, 1);
  return readGenerationState(store);
}

async function claimFence(parts: TakeoverParts): Promise<FencedWriter> {
  const { context, shard, lease } = parts;
  const isLeftOut = context.mutant === 'fence-left-out';
  const fence = await openFence(context.bus, shard, context.processName, { isLeftOut });
  context.crashPoint('takeover.epoch-read');
  // Whoever lost the lease since the read must not depose the one who has it.
  if (!(await lease.refresh())) throw new LeaseLostError(shard);
  const writer = await fence.claim();
  context.crashPoint('takeover.epoch-sent');
  return writer;
}

/** Agents refuse lower epochs from now on, so this comes before the journal is read. */
async function announceEpoch(context: QueueContext, shard: number, epoch: number): Promise<void> {
  const announcement: EpochAnnouncement = { version: 1, shard, epoch, owner: context.processName };
  const subject = context.bus.names.epochAnnouncementSubject(shard);
  await announce(context.bus, subject, encodeRecord(announcement));
}

/**
 * Fills the done set and the holds (rule 10): back to the oldest message that can come again from INCOMING or ACTIVE, and to the
 * end of the former owner's journal, whose last entries may belong to DEFER records that it had no time to delete. While recovery
 * runs, what was in a cleanup's or an ingress's hand when NATS was lost may come too: then the end of the journal of earlier
 * generations counts, and every hold there is (rule 12).
 */
async function loadDone(
  term: Term,
  isRecovered: boolean,
  onDamaged: (damage: JournalDamage) => void,
): Promise<Pick<Takeover, 'journalled' | 'journalSinceMs'>> {
  const { context, shard, generation, done, holds, timing } = term;
  const { bus } = context;
  const incoming = await readPosition(bus, bus.names.incomingStream);
  const active = await readPosition(bus, bus.names.activeStream(shard));
  term.incomingLast = incoming.lastSequence;
  // Not what the consumer has delivered: a server that died forgets that.
  term.activeBefore = active.lastSequence;
  const nowMs = context.clock.nowMs();
  const ended = isRecovered ? `journal/${generation}/${shard}/` : 'journal/';
  const lastObjectMs = await lastJournalTime(context, ended, isRecovered ? 0 : generation);
  const oldestMs = Math.min(incoming.oldestAtMs ?? nowMs, active.oldestAtMs ?? nowMs, lastObjectMs ?? nowMs);
  const sinceMs = oldestMs - journalSlackMs - 4 * timing.leaseTtlMs;
  let journalled = 0;
  // All shards: an administrator's delete is journalled by one of them, and jobs move when the number of shards changes.
  const selection = isRecovered ? { generation, sinceMs, onDamaged } : { onDamaged };
  for await (const object of loadJournal(context.store, selection)) {
    const isRecent = object.generation === generation || Date.parse(object.at) >= sinceMs;
    for (const entry of object.entries) {
      holds.apply(entry);
      if (!isRecent) continue;
      done.add(entry, incoming.lastSequence, nowMs);
      journalled += 1;
    }
  }
  return { journalled, journalSinceMs: sinceMs };
}

/** When the youngest journal object below the prefix was written, by its name; those of generation `except` are passed over. */
async function lastJournalTime(
  context: QueueContext,
  prefix: string,
  except: number,
): Promise<number | undefined> {
  let last: number | undefined;
  for await (const { key } of context.store.list(prefix)) {
    if (key.startsWith(`journal/${except}/`)) continue;
    const timeMs = Number(key.slice(key.lastIndexOf('/') + 1).split('-')[0]);
    if (Number.isFinite(timeMs)) last = Math.max(last ?? 0, timeMs);
  }
  return last;
}

/** Reads DEFER into the queue; owner.ts places the entries when all are there. */
async function scan(term: Term, untilEpoch: number): Promise<void> {
  const { context, shard } = term;
  const unreadable: DeferEntry[] = [];
  const jobs = new ScannedJobs(context.clock.nowMs());
  const tidy = createTidier({ allowedShare: 0.4 });
  let scanned = 0;
  await scanDefer(context.bus, {
    shard,
    untilEpoch,
    onEntry: (entry) => {
      // A million entries leave gigabytes of parsed headers behind.
      scanned += 1;
      if (scanned % entriesPerTidying === 0) tidy();
      const summary = parseDeferSummary(entry.summary);
      if (summary === undefined) unreadable.push(entry);
      else addScanned(term, jobs, { entry, summary });
    },
    signal: term.signal,
  });
  if (scanned >= entriesPerTidying) tidy(true);
  // Records of another version: what the header does not say stands in the record itself.
  for (const entry of unreadable) await addUnreadable(term, jobs, entry);
}

/** What is no record of any version goes to CORRUPT, then out of DEFER. */
async function addUnreadable(term: Term, jobs: ScannedJobs, entry: DeferEntry): Promise<void> {
  const { context, shard } = term;
  const stored = await readDeferRecord(context, shard, entry.sequence);
  if (stored.kind === 'record') return addScanned(term, jobs, { entry, summary: summaryOf(stored.record) });
  if (stored.kind === 'missing') return;
  const { bus, log } = context;
  const facts = { busSubject: entry.subject, payload: stored.payload };
  await moveToCorrupt(term, { reason: 'undecodable', text: 'not a DEFER record', ...facts });
  recordCorrupt(log, { busSubject: entry.subject, reason: 'not a DEFER record' });
  await deleteStored(bus, bus.names.deferStream(shard), entry.sequence);
}

function addScanned(
  term: Term,
  jobs: ScannedJobs,
  { entry, summary }: { readonly entry: DeferEntry; readonly summary: DeferSummary },
): void {
  const { queue } = term;
  const jobAt = entry.subject.lastIndexOf('.') + 1;
  const destinationAt = entry.subject.lastIndexOf('.', jobAt - 2) + 1;
  if (destinationAt === 0) return;
  const jobId = copyOf(entry.subject.slice(jobAt));
  const destination = entry.subject.slice(destinationAt, jobAt - 1);
  const known = queue.get(jobId);
  if (known !== undefined) {
    known.deferSequence = entry.sequence;
    return;
  }
  queue.add(
    jobs.add({
      jobId,
      queueId: copyOf(summary.queueId),
      destination: queue.destinations.at(destination, summary.transport),
      state: summary.state,
      task: taskOfState(summary.state),
      receivedAtMs: summary.receivedAtMs,
      nextMs: summary.nextMs,
      tries: summary.tries,
      deferSequence: entry.sequence,
    }),
  );
}

/** A part of a string keeps the whole of it in memory: subject and header, for as long as the job waits. */
function copyOf(part: string): string {
  return Buffer.from(part, 'latin1').toString('latin1');
}

function taskOfState(state: DeferState): QueuedJob['task'] {
  if (state === 'bouncing') return 'failure';
  return state === 'reporting' ? 'success' : 'deliver';
}
