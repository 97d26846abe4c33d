/**
 * DEFER record: a job that is not to be attempted now (deferred, held, bouncing, reporting, or parked).
 * Producer and consumer: the owner of the shard, fenced (rules 3, 4). Subject `rp.def.<s>.<dest>.<jobId>`, one message per
 * subject. The bus header {@link deferHeader} repeats what a takeover scan needs, so that it may read headers only.
 */
import { z } from 'zod';
import { DeliveryJob } from './delivery-job.ts';
import { RecipientOutcome } from './delivery-outcome.ts';

/**
 * `active`: due at once, moved out of ACTIVE (rule 10); `bouncing`: a DSN is owed (rule 6), never attempted again;
 * `reporting`: every recipient is finished and only a report of success is owed.
 */
export const DeferState = z.enum(['active', 'deferred', 'held', 'bouncing', 'reporting']);
export type DeferState = z.infer<typeof DeferState>;

export const DeferRecord = z.object({
  version: z.literal(1),
  job: DeliveryJob,
  state: DeferState,
  tries: z.number(),
  /** Next attempt, milliseconds since the epoch. */
  nextMs: z.number(),
  /** Indexes into job.recipients that are terminal. */
  done: z.array(z.number()),
  /** State bouncing: indexes into job.recipients that the owed DSN is about. */
  bouncing: z.array(z.number()),
  /** Last outcome of each recipient that is not done. */
  outcomes: z.array(RecipientOutcome),
  /** When the outcome that led here was decided (rule 6: makes the DSN's queue id), milliseconds since the epoch. */
  decidedAtMs: z.number(),
  /** Time spent suspended so far; does not count against the lifetime. */
  suspendedMs: z.number(),
  lastFaultIsOurs: z.boolean(),
  hasDelayWarning: z.boolean(),
  /** Results with a `successReport` that is owed still; in any state. */
  reports: z.array(RecipientOutcome).optional(),
  /** When the last of `reports` was added: makes the queue id of their DSN. Milliseconds since the epoch. */
  reportsDecidedAtMs: z.number().optional(),
});
export type DeferRecord = z.infer<typeof DeferRecord>;

/** Bus header that carries {@link DeferSummary} as space-separated fields. */
export const deferHeader = 'Rp-Defer';

/** What a scan of DEFER needs per job: enough to schedule without the record. */
export interface DeferSummary {
  readonly state: DeferState;
  readonly nextMs: number;
  readonly tries: number;
  readonly queueId: string;
  readonly receivedAtMs: number;
  readonly transport: string;
}

/** Formats the header value. */
export function formatDeferSummary(summary: DeferSummary): string {
  return `1 ${summary.state} ${summary.nextMs} ${summary.tries} ${summary.queueId} ${summary.receivedAtMs} ${summary.transport}`;
}

/** A takeover asks a million times. */
const states: ReadonlyMap<string, DeferState> = new Map(DeferState.options.map((state) => [state, state]));

/** Parses the header value; undefined when it is absent or of another version (then the record itself is read). */
export function parseDeferSummary(value: string | undefined): DeferSummary | undefined {
  if (value?.startsWith('1 ') !== true) return undefined;
  const stateEnd = value.indexOf(' ', 2);
  const nextEnd = value.indexOf(' ', stateEnd + 1);
  const triesEnd = value.indexOf(' ', nextEnd + 1);
  const idEnd = value.indexOf(' ', triesEnd + 1);
  const receivedEnd = value.indexOf(' ', idEnd + 1);
  const state = states.get(value.slice(2, stateEnd));
  // Each is looked for behind the one before: with one missing, the next is found in front of it.
  const isWhole = nextEnd > stateEnd && triesEnd > nextEnd && idEnd > triesEnd && receivedEnd > idEnd;
  if (state === undefined || !isWhole) return undefined;
  return {
    state,
    nextMs: Number(value.slice(stateEnd + 1, nextEnd)),
    tries: Number(value.slice(nextEnd + 1, triesEnd)),
    queueId: value.slice(triesEnd + 1, idEnd),
    receivedAtMs: Number(value.slice(idEnd + 1, receivedEnd)),
    transport: value.slice(receivedEnd + 1),
  };
}
