/** Spools for the tests of the keeper: messages in segments of any age, what the journal says of them, and the keeper's task by itself. */
import { randomBytes, randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JournalEntry } from '@railpost/contracts';
import { type BodyRef, type Envelope, formatQueueId, queueIdHalfLimit } from '@railpost/mail';
import { type CrashPoint, EventLog, createRegistry, systemClock } from '@railpost/runtime';
import {
  type JournalOwner,
  type ObjectStore,
  loadJournal,
  openJournalWriter,
  openSegmentWriter,
} from '@railpost/spool';
import { type GarbageTiming, garbageTask } from '../src/garbage/garbage-task.ts';
import { GarbageMetrics } from '../src/garbage/metrics.ts';

/** One message as a test knows it. */
export interface TestMessage {
  readonly queueId: string;
  readonly body: BodyRef;
  readonly content: Buffer;
  readonly envelope: Envelope;
}

const owner: JournalOwner = { generation: 1, shard: 0, epoch: 1 };

/** An envelope for so many recipients. */
function envelopeOf(queueId: string, recipients = 1, more: Partial<Envelope> = {}): Envelope {
  return {
    version: 1,
    queueId,
    reversePath: 'alice@example.test',
    recipients: Array.from({ length: recipients }, (_, index) => ({ address: `r${index}@partner.test` })),
    smtputf8: false,
    client: {
      listener: 'mx',
      role: 'MX',
      address: '',
      port: 0,
      name: 'unknown',
      helo: 'x',
      protocol: 'ESMTP',
    },
    receivedAt: new Date(0).toISOString(),
    ...more,
  };
}

/** A queue id of that time. */
export function queueIdAt(timeMs: number): string {
  return formatQueueId(timeMs, randomInt(2 ** 47) % queueIdHalfLimit);
}

/** Puts messages into one segment that was begun so long ago. */
export async function spool(
  store: ObjectStore,
  count: number,
  options: { readonly ageMs?: number; readonly bytes?: number; readonly envelope?: Partial<Envelope> } = {},
): Promise<TestMessage[]> {
  const timeMs = Date.now() - (options.ageMs ?? 0);
  const writer = openSegmentWriter(store, { now: () => timeMs });
  const messages = await Promise.all(
    Array.from({ length: count }, async () => {
      const content = randomBytes(options.bytes ?? 1000);
      const queueId = options.envelope?.queueId ?? queueIdAt(timeMs);
      const envelope = envelopeOf(queueId, 1, options.envelope);
      const record = writer.begin();
      await record.write(content);
      const body = await record.commit(envelope, 10);
      return { queueId, body, content, envelope };
    }),
  );
  await writer.close();
  return messages;
}

/** What an owner journals about a message's first original. */
export function entryOf(
  message: Pick<TestMessage, 'queueId'>,
  more: Partial<JournalEntry> = {},
): JournalEntry {
  const { queueId } = message;
  return { queueId, orig: 0, final: 'r0@partner.test', kind: 'delivered', run: 'r', n: 1, ...more };
}

/** Journals entries as one object each; an owner that wrote so long ago. */
export async function journal(
  store: ObjectStore,
  entries: readonly JournalEntry[],
  options: {
    readonly ageMs?: number;
    readonly owner?: Partial<JournalOwner>;
    readonly perObject?: number;
  } = {},
): Promise<void> {
  const startMs = Date.now() - (options.ageMs ?? 0);
  let nowMs = startMs;
  const epoch = options.owner?.epoch ?? randomInt(2 ** 40);
  const writer = openJournalWriter(
    store,
    { ...owner, ...options.owner, epoch },
    { spacingMs: 0, now: () => nowMs },
  );
  const perObject = options.perObject ?? 1;
  for (let start = 0; start < entries.length; start += perObject) {
    await writer.append(entries.slice(start, start + perObject), { rp_ACTIVE_0: start + 1 });
    nowMs += 1;
  }
  await writer.close();
}

/** All keys with a prefix. */
export async function keysOf(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

/** All entries of the journal without stamps. */
export async function journalled(store: ObjectStore): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = [];
  for await (const object of loadJournal(store)) entries.push(...object.entries);
  return entries.map(({ queueId, orig, final, kind, run, n }) => ({ queueId, orig, final, kind, run, n }));
}

/** Waits until the condition holds. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 90_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('the condition did not come true in time');
    await sleep(20);
  }
}

/** A keeper's task running by itself. */
export interface RunningTask {
  readonly events: readonly Readonly<Record<string, unknown>>[];
  readonly problems: ReadonlyMap<string, string>;
  /** Resolves when everything that exists now has been seen and acted upon: after two whole rounds. */
  settled(): Promise<void>;
  metric(name: string): Promise<number | undefined>;
  /** Resolves with what ended the task, undefined when it was stopped. */
  readonly ended: Promise<unknown>;
  stop(): Promise<void>;
}

/** Quick times. */
const quick: GarbageTiming = { garbageAfterMs: 400, everyMs: 50, journalKeepMs: 86_400_000 };

/** Runs the garbage task in this process. */
export function runGarbage(
  store: ObjectStore,
  timing: Partial<GarbageTiming> = {},
  crashPoint: CrashPoint = () => undefined,
): RunningTask {
  const events: Readonly<Record<string, unknown>>[] = [];
  const registry = createRegistry('spool-keeper', 'test');
  const log = new EventLog({
    service: 'spool-keeper',
    processName: 'test',
    format: 'json',
    level: 'info',
    write: (lines: string) => {
      // The log format of the runtime: one object a line.
      for (const line of lines.trim().split('\n')) events.push(JSON.parse(line) as Record<string, unknown>);
    },
  });
  const problems = new Map<string, string>();
  const stopping = new AbortController();
  const context = {
    store,
    log,
    clock: systemClock,
    crashPoint,
    setProblem: (key: string, text: string | undefined) =>
      void (text === undefined ? problems.delete(key) : problems.set(key, text)),
  };
  const task = garbageTask(context, { ...quick, ...timing }, new GarbageMetrics(registry));
  const ended = task.run(stopping.signal).then(
    () => undefined,
    (error: unknown) => error,
  );
  const metric = async (name: string) => (await registry.getSingleMetric(name)?.get())?.values[0]?.value;
  return {
    events,
    problems,
    ended,
    metric,
    async settled() {
      const rounds = async () => (await metric('railpost_keeper_rounds_total')) ?? 0;
      const target = (await rounds()) + 2;
      await until(async () => (await rounds()) >= target);
    },
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}
