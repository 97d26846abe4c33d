/**
 * Recovery of one generation (durability rules 17 to 19): every message of the spool that the journal does not call complete goes back
 * into INCOMING with what is done and held. Idempotent: whatever is put back twice is found out by its owner; resumable by marks.
 * Ingress accepts meanwhile: what it spooled after the generation began it publishes itself.
 */
import { createTidier } from '@railpost/runtime';
import { readSegment } from '@railpost/spool';
import type { SegmentRecord } from '@railpost/spool';
import { recordUnreadable } from '../events.ts';
import type { KeeperContext } from '../keeper-task.ts';
import type { JournalFacts } from './journal-facts.ts';
import { journalSettlements } from './journal-settlements.ts';
import { loadFacts } from './load-facts.ts';
import { planMessage } from './plan-message.ts';
import { openProgressMarks } from './progress-marks.ts';
import { type PutBack, openPutBack } from './put-back.ts';
import { scanSpool } from './scan-spool.ts';

/** What is recovered. */
export interface RecoveryRequest {
  readonly context: Pick<KeeperContext, 'bus' | 'store' | 'log' | 'clock' | 'crashPoint'>;
  readonly generation: number;
  /** When the generation was made, milliseconds since the epoch. */
  readonly madeAtMs: number;
  /** Longest time that a message may wait, milliseconds. */
  readonly longestLifeMs: number;
  /** True: only count what would be done. */
  readonly isDryRun: boolean;
  readonly signal: AbortSignal;
  /** Filled while it runs. */
  readonly progress: RecoveryProgress;
  /** Called after each message is back. */
  readonly onPutBack?: () => void;
}

/** Counts of a recovery. Mutable: read by whoever asks how far it is. */
export interface RecoveryProgress {
  phase: 'waiting' | 'reading' | 'putting-back' | 'done';
  /** Segments in the spool that concern it; known when all are looked through. */
  segments: number;
  segmentsDone: number;
  /** Messages met, each once. */
  messages: number;
  complete: number;
  putBack: number;
  /** Of those: with something on hold. */
  held: number;
  /** Of those: on hold because they are older than any message may be and nothing is known of them. */
  heldOld: number;
  /** Segments and journal objects that cannot be read. */
  damaged: number;
}

/** A recovery that has not begun. */
export function newProgress(): RecoveryProgress {
  return {
    phase: 'waiting',
    ...{ segments: 0, segmentsDone: 0, messages: 0, complete: 0 },
    ...{ putBack: 0, held: 0, heldOld: 0, damaged: 0 },
  };
}

/** Clocks of ingress and of the store may differ by this much. */
const clockSlackMs = 60_000;
const markEveryMs = 5000;
/** Garbage that may come together before it is collected: the whole must fit into a small pod. */
const garbageBytes = 12 * 2 ** 20;

/** Recovers. Rejects with the signal's reason when it aborts. @throws SpoolUnavailableError, BusRefusedError, BusClosedError */
export async function recoverSpool(request: RecoveryRequest): Promise<void> {
  const { context, progress, signal } = request;
  const { store, log } = context;
  const untilMs = request.madeAtMs + clockSlackMs;
  const onDamaged = (key: string, reason: string) => {
    progress.damaged += 1;
    recordUnreadable(log, { key, error: reason });
  };
  progress.phase = 'reading';
  const tidy = createTidier({ allowedBytes: garbageBytes });
  const onSegment = () => {
    tidy();
    progress.segments += 1;
  };
  const { facts, settlements } = await loadFacts({ store, untilMs, signal, onDamaged, onSegment });
  if (!request.isDryRun)
    await journalSettlements(store, request.generation, settlements, context.clock.nowMs());
  progress.phase = 'putting-back';
  const target = openPutBack(context.bus, {
    attempt: Math.floor(request.madeAtMs / 1000),
    signal,
    onStored: () => {
      request.onPutBack?.();
      context.crashPoint('recovery.put-back');
    },
  });
  const marks = await openProgressMarks(store, request.generation);
  const after = request.isDryRun ? undefined : marks.after;
  const read = ({ key, bytes }: { key: string; bytes: number }) => readSegment(store, key, bytes);
  let markedAt = context.clock.monotonicMs();
  for await (const { key, content } of scanSpool({ store, untilMs, after, signal, read, onDamaged })) {
    for (const record of content?.records ?? []) await putBackOne(request, facts, target, record);
    progress.segmentsDone += 1;
    tidy();
    if (request.isDryRun || context.clock.monotonicMs() - markedAt < markEveryMs) continue;
    await target.flush();
    await marks.note(key);
    context.crashPoint('recovery.marked');
    markedAt = context.clock.monotonicMs();
  }
  await target.flush();
  signal.throwIfAborted();
  progress.phase = 'done';
}

async function putBackOne(
  { context, progress, longestLifeMs, isDryRun }: RecoveryRequest,
  facts: JournalFacts,
  target: PutBack,
  record: SegmentRecord,
): Promise<void> {
  const { envelope } = record;
  // A report may be in the spool twice, survivors lie in two segments for a while.
  if (facts.meet(envelope.queueId)) return;
  progress.messages += 1;
  const plan = planMessage(envelope, facts.of(envelope), { nowMs: context.clock.nowMs(), longestLifeMs });
  if (plan.kind === 'complete') {
    progress.complete += 1;
    return;
  }
  progress.putBack += 1;
  if (plan.kind === 'held-old') progress.heldOld += 1;
  if (plan.history.some(({ isHeld }) => isHeld)) progress.held += 1;
  if (!isDryRun) await target.add(record, plan.history);
}
