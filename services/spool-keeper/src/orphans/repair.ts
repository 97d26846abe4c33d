/**
 * Repair: puts messages that nobody has back into INCOMING, with what the journal and the reports in the spool say of them. Looks at all
 * messages of the spool that are not complete, twice with time between, so that none is taken for missing that only moves.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Settlement } from '@railpost/mail';
import type { RepairReport } from '@railpost/contracts';
import {
  ContentCorruptError,
  ObjectMissingError,
  type ObjectStore,
  type SegmentRecord,
  currentGeneration,
  loadJournal,
  readSegment,
  readSettlements,
  segmentListingStart,
} from '@railpost/spool';
import { recordUnreadable, repaired } from '../events.ts';
import type { KeeperContext } from '../keeper-task.ts';
import { JournalFacts } from '../recovery/journal-facts.ts';
import { journalSettlements } from '../recovery/journal-settlements.ts';
import { openPutBack } from '../recovery/put-back.ts';
import { scanSpool } from '../recovery/scan-spool.ts';
import type { OrphanCheck } from './orphan-check.ts';

/** What to repair. */
export interface RepairRequest {
  readonly context: Pick<KeeperContext, 'bus' | 'store' | 'log' | 'clock' | 'crashPoint'>;
  readonly check: OrphanCheck;
  /** Time between the two looks, milliseconds. */
  readonly betweenMs: number;
  readonly signal: AbortSignal;
  /** Filled while it runs. */
  readonly report: MutableReport;
  readonly onPutBack: () => void;
}

/** A report that is being written. */
export type MutableReport = { -readonly [Key in keyof RepairReport]: RepairReport[Key] };

/** A repair that has not begun. */
export function newRepairReport(isDryRun: boolean): MutableReport {
  return { phase: 'checking', isDryRun, ...{ open: 0, checked: 0, missing: 0, putBack: 0 }, queueIds: [] };
}

const checkedAtOnce = 20_000;
const namedIds = 100;
/** Clocks of writers differ. */
const slackMs = 60_000;

/** Repairs. Rejects with the signal's reason when it aborts. @throws BusUnavailableError, SpoolUnavailableError */
export async function repairOrphans(request: RepairRequest): Promise<void> {
  const { check, report, signal, context } = request;
  await check.view.gatherer.read(signal);
  const first = await checkAll(request);
  if (first.length > 0) await sleep(request.betweenMs, undefined, { signal });
  const missing = await check.findMissing(first, signal);
  report.missing = missing.length;
  report.queueIds = missing.slice(0, namedIds);
  if (!report.isDryRun && missing.length > 0) {
    report.phase = 'putting-back';
    await putBackAll(request, missing);
    repaired(context.log, { messages: report.putBack, queueIds: report.queueIds.slice(0, 10) });
  }
  report.phase = 'done';
}

async function checkAll({ check, report, signal }: RepairRequest): Promise<string[]> {
  const open = check.allOpen();
  report.open = open.length;
  const missing: string[] = [];
  for (let start = 0; start < open.length; start += checkedAtOnce) {
    missing.push(...(await check.findMissing(open.slice(start, start + checkedAtOnce), signal)));
    report.checked = Math.min(open.length, start + checkedAtOnce);
  }
  return missing;
}

async function putBackAll(request: RepairRequest, queueIds: readonly string[]): Promise<void> {
  const { context, signal, report } = request;
  const records = await readRecords(request, queueIds);
  const sinceMs = Math.min(...records.map(({ envelope }) => Date.parse(envelope.receivedAt))) - slackMs;
  const { facts, settlements } = await factsOf(context.store, new Set(queueIds), sinceMs, request);
  const generation = await currentGeneration(context.store);
  await journalSettlements(context.store, generation, settlements, context.clock.nowMs());
  const target = openPutBack(context.bus, {
    attempt: Math.floor(context.clock.nowMs() / 1000),
    signal,
    onStored: () => {
      request.onPutBack();
      context.crashPoint('repair.put-back');
    },
  });
  for (const record of records) {
    const known = facts.of(record.envelope);
    if (known.isComplete) continue;
    await target.add(record, known.history);
    report.putBack += 1;
  }
  await target.flush();
}

async function readRecords(request: RepairRequest, queueIds: readonly string[]): Promise<SegmentRecord[]> {
  const { check, context } = request;
  const wanted = new Set(queueIds);
  const found = new Map<string, SegmentRecord>();
  const keys = new Set(queueIds.flatMap((queueId) => check.view.index.keysOf(queueId)));
  for (const key of keys) {
    try {
      const { records } = await readSegment(context.store, key);
      for (const record of records)
        if (wanted.has(record.envelope.queueId)) found.set(record.envelope.queueId, record);
    } catch (error) {
      // Gone: its survivors moved, and their place is among the keys or is found by the next repair.
      if (error instanceof ObjectMissingError) continue;
      if (!(error instanceof ContentCorruptError)) throw error;
      recordUnreadable(context.log, { key, error: error.message });
    }
  }
  return [...found.values()];
}

/** What is known of these messages alone. */
async function factsOf(
  store: ObjectStore,
  queueIds: ReadonlySet<string>,
  sinceMs: number,
  { signal, context }: RepairRequest,
): Promise<{ readonly facts: JournalFacts; readonly settlements: readonly Settlement[] }> {
  const settlements: Settlement[] = [];
  const facts = new JournalFacts();
  const onDamaged = (key: string, reason: string) => recordUnreadable(context.log, { key, error: reason });
  const journal = loadJournal(store, { sinceMs, onDamaged: ({ key, reason }) => onDamaged(key, reason) });
  for await (const { entries } of journal)
    for (const entry of entries) if (queueIds.has(entry.queueId)) facts.note(entry);
  const scan = scanSpool({
    ...{ store, signal, onDamaged },
    untilMs: Number.POSITIVE_INFINITY,
    after: segmentListingStart(sinceMs),
    read: ({ key, bytes }) => readSettlements(store, key, bytes),
  });
  for await (const { content } of scan)
    for (const settlement of content ?? [])
      if (queueIds.has(settlement.queueId) && facts.noteSettlement(settlement)) settlements.push(settlement);
  return { facts, settlements };
}
