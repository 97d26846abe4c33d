/**
 * Taking a shard over, step by step as durability rule 3 says: lease, `_epoch` read, lease refreshed, `_epoch` published,
 * announced, journal loaded, DEFER scanned until our own `_epoch` record. Only then is ACTIVE consumed (owner.ts).
 * Between any two steps another process may do the same; the fence decides. Rejects with DeposedError, LeaseLostError or
 * what NATS and the spool reject with; nothing has to be undone.
 */
import {
  type FencedWriter,
  type LeaseTerm,
  announce,
  generationOf,
  openFence,
  readPosition,
} from '@railpost/bus';
import { type EpochAnnouncement, encodeRecord } from '@railpost/contracts';
import {
  type GenerationState,
  type JournalDamage,
  createGeneration,
  loadJournal,
  openJournalWriter,
  readGenerationState,
} from '@railpost/spool';
import type { QueueContext, Timing } from './context.ts';
import { stateDamages } from './damaged-journal.ts';
import { EarlierGenerationError, LeaseLostError } from './errors.ts';
import { loadDeferred } from './load-deferred.ts';
import type { QueueMetrics } from './metrics.ts';
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
  await loadDeferred(term, writer.epoch);
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
