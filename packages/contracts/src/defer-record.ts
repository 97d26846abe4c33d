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

/** Octets that tell what a part of them says: Node's Buffer is such a thing. */
interface OctetText {
  readonly [index: number]: number;
  toString(encoding: 'latin1', start: number, end: number): string;
}

const space = 0x20;
const [zero, nine] = [0x30, 0x39];

/**
 * Parses the header value where it lies, because a takeover asks a million times; undefined when it is absent (an empty range) or
 * of another version (then the record itself is read).
 */
export function parseDeferSummary(octets: OctetText, start: number, end: number): DeferSummary | undefined {
  const stateAt = start + 2;
  if (octets[start] !== zero + 1 || octets[start + 1] !== space) return undefined;
  const nextAt = wordAfter(octets, stateAt, end);
  const triesAt = wordAfter(octets, nextAt, end);
  const idAt = wordAfter(octets, triesAt, end);
  const receivedAt = wordAfter(octets, idAt, end);
  const transportAt = wordAfter(octets, receivedAt, end);
  if (transportAt >= end) return undefined;
  const state = stateIn(octets, stateAt, nextAt - 1);
  if (state === undefined) return undefined;
  return {
    state,
    nextMs: numberIn(octets, nextAt, triesAt - 1),
    tries: numberIn(octets, triesAt, idAt - 1),
    queueId: octets.toString('latin1', idAt, receivedAt - 1),
    receivedAtMs: numberIn(octets, receivedAt, transportAt - 1),
    transport: octets.toString('latin1', transportAt, end),
  };
}

function stateIn(octets: OctetText, start: number, end: number): DeferState | undefined {
  for (const state of DeferState.options) {
    if (state.length !== end - start) continue;
    let matching = 0;
    while (matching < state.length && octets[start + matching] === state.charCodeAt(matching)) matching += 1;
    if (matching === state.length) return state;
  }
  return undefined;
}

/** Where the word behind the present one begins; `end` when there is none. */
function wordAfter(octets: OctetText, start: number, end: number): number {
  for (let index = start; index < end; index += 1) if (octets[index] === space) return index + 1;
  return end;
}

/** Times are whole numbers, but a word of another form is read too. */
function numberIn(octets: OctetText, start: number, end: number): number {
  let value = 0;
  for (let index = start; index < end; index += 1) {
    const octet = octets[index] ?? 0;
    if (octet < zero || octet > nine) return Number(octets.toString('latin1', start, end));
    value = value * 10 + (octet - zero);
  }
  return value;
}
