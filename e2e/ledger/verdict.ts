/**
 * Judges a book: the table, and what is wrong. Pure. A duplicate is explained when the process that made an earlier delivery died soon
 * afterwards, before its outcome can have been durable; nothing else explains one. What is accepted and neither arrived nor was
 * returned is lost, wherever it stands.
 */
import { behaviourOf } from './destinations.ts';
import { type Arrival, type OfferEntry, expectedKind, keyOf } from './book.ts';
import { type DeathAccount, type Explanation, accountDeaths } from './death-account.ts';
import type { Death } from './process-watch.ts';

/** A time during which outcomes could not become durable: NATS, the spool or an owner was away. */
export interface Outage {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** What is judged. */
export interface Facts {
  readonly offers: readonly OfferEntry[];
  readonly arrivals: ReadonlyMap<string, readonly Arrival[]>;
  readonly deaths: readonly Death[];
  readonly outages: readonly Outage[];
  /** `<number> <recipient>` of what `railpost queue list` still shows. */
  readonly queued: ReadonlySet<string>;
  /** Processes that the faults killed. */
  readonly kills: number;
}

/** The row of the table. */
export interface Tally {
  /** Messages answered 250, and their recipients. */
  accepted: number;
  recipients: number;
  /** Messages whose connection died before the reply. */
  unknown: number;
  deliveredOnce: number;
  /** Surplus arrivals, each with the fault that explains it. */
  duplicates: number;
  returned: number;
  /** Accepted, not delivered, still in a queue. They count as lost, too. */
  queued: number;
  lost: number;
  kills: number;
}

/** The judgement. */
export interface Verdict {
  readonly tally: Tally;
  /** One line for each duplicate that a fault explains. */
  readonly explained: readonly string[];
  /** What the deaths of each service cost. */
  readonly deaths: readonly DeathAccount[];
  /** One line for each thing that is wrong; empty = passed. */
  readonly wrong: readonly string[];
}

/** Signals and packets are noticed in any order within this time. */
const clockSlackMs = 3000;
/** An outcome that nobody hinders is durable long before this. */
const settlesWithinMs = 5000;
/** Recipients per kill from which the share of duplicates is judged, and the share. */
const judgedFrom = 1000;
const largestShare = 0.001;

/** Judges one part. */
export function judge(facts: Facts): Verdict {
  const tally = emptyTally();
  tally.kills = facts.kills;
  const wrong: string[] = [];
  const explained: string[] = [];
  const explanations: Explanation[] = [];
  tallyOffers(facts, tally, wrong);
  for (const [key, arrivals] of facts.arrivals) {
    judgeKinds(key, arrivals, wrong);
    for (const { explanation, text } of duplicatesOf(key, arrivals, facts)) {
      tally.duplicates += 1;
      (explanation === undefined ? wrong : explained).push(text);
      if (explanation !== undefined) explanations.push(explanation);
    }
  }
  return { tally, explained, deaths: accountDeaths(facts.deaths, explanations), wrong };
}

/** What is wrong with the whole run, beside what is wrong with its parts. */
export function judgeTotal(tally: Tally): readonly string[] {
  const { kills, recipients, duplicates } = tally;
  if (kills === 0 || recipients / kills < judgedFrom || duplicates < recipients * largestShare) return [];
  const share = ((duplicates / recipients) * 100).toFixed(3);
  return [`duplicates are ${share} % of the recipients (${duplicates} of ${recipients}): 0.1 % is too much`];
}

/** A tally of nothing. */
export function emptyTally(): Tally {
  const counts = { accepted: 0, recipients: 0, unknown: 0, deliveredOnce: 0, duplicates: 0 };
  return { ...counts, returned: 0, queued: 0, lost: 0, kills: 0 };
}

function tallyOffers(facts: Facts, tally: Tally, wrong: string[]): void {
  const promised = new Set<string>();
  const delivered = deliveredAttempts(facts);
  for (const { outcome, number, attempt, recipients } of facts.offers) {
    if (outcome === 'unknown') tally.unknown += 1;
    if (outcome === 'refused' && delivered.has(`${number} ${attempt}`))
      wrong.push(`ARRIVED THOUGH REFUSED ${number}, attempt ${attempt}`);
    if (outcome !== 'accepted') continue;
    tally.accepted += 1;
    for (const recipient of recipients) promised.add(keyOf(number, recipient));
  }
  tally.recipients = promised.size;
  for (const key of promised) tallyRecipient(key, facts, tally, wrong);
}

function tallyRecipient(key: string, facts: Facts, tally: Tally, wrong: string[]): void {
  const arrivals = facts.arrivals.get(key) ?? [];
  const kind = expectedKind(behaviourOf(key.slice(key.indexOf(' ') + 1)));
  const found = arrivals.filter((each) => each.kind === kind).length;
  if (kind === 'returned' && found > 0) tally.returned += 1;
  else if (found === 1) tally.deliveredOnce += 1;
  if (found > 0) return;
  tally.lost += 1;
  const isQueued = facts.queued.has(key);
  if (isQueued) tally.queued += 1;
  const offer = facts.offers.find((each) => each.outcome === 'accepted' && key.startsWith(`${each.number} `));
  wrong.push(`LOST ${key}: ${offer?.queueId ?? ''}, ${isQueued ? 'stuck in the queue' : 'in no queue'}`);
}

/** `<number> <attempt>` of all that arrived. */
function deliveredAttempts({ arrivals }: Facts): ReadonlySet<string> {
  const all = [...arrivals.values()].flat().filter(({ kind }) => kind === 'delivered');
  return new Set(all.map(({ number, attempt }) => `${number} ${attempt}`));
}

/** Mangled contents, and ends that are not the right ones. */
function judgeKinds(key: string, arrivals: readonly Arrival[], wrong: string[]): void {
  const kind = expectedKind(behaviourOf(key.slice(key.indexOf(' ') + 1)));
  for (const each of arrivals) {
    if (!each.isIntact) wrong.push(`MANGLED ${key}`);
    if (each.kind !== kind)
      wrong.push(`WRONG END ${key}: ${each.kind}, but the far end makes it ${kind} always`);
  }
}

function duplicatesOf(
  key: string,
  arrivals: readonly Arrival[],
  facts: Facts,
): { readonly explanation: Explanation | undefined; readonly text: string }[] {
  return arrivals.slice(1).map((each, index) => {
    const until = arrivals.slice(0, index + 2);
    // Each delivery needs a death of its own: that of whom made the one before.
    const [before] = until.slice(-2);
    const explanation = before === undefined ? undefined : explain(before, each, facts);
    if (explanation !== undefined) return { explanation, text: `${key}: ${describe(explanation)}` };
    const times = until.map(({ atMs }) => new Date(atMs).toISOString().slice(11, 23));
    const workers = until.map(({ worker }) => worker).join(', ');
    const text = `DUPLICATE WITHOUT FAULT ${key}: at ${times.join(', ')} by processes ${workers}`;
    return { explanation, text };
  });
}

/** The death that explains why `again` followed `first`. */
function explain(first: Arrival, again: Arrival, facts: Facts): Explanation | undefined {
  const death = facts.deaths.find((each) => isOf(each, first));
  if (death === undefined || death.atMs > again.atMs + clockSlackMs) return undefined;
  const afterMs = death.atMs - first.atMs;
  const mayBeLate = afterMs > settlesWithinMs || death.isOrderly;
  if (mayBeLate && !isHindered(first.atMs, death.atMs, facts.outages)) return undefined;
  return { death, afterMs };
}

function describe({ death, afterMs }: Explanation): string {
  return `${death.name} (process ${death.pid}) delivered it and died ${afterMs} ms later: ${death.cause}`;
}

/** True when it is the death of whom delivered. Who cannot be told had died before we saw the connection. */
function isOf(death: Death, { worker, atMs }: Arrival): boolean {
  // A busy ledger may notice an arrival after the death of whom it came from.
  if (worker !== 'untold') return death.pid === worker;
  return death.name.startsWith('delivery-smtp') && Math.abs(death.atMs - atMs) < clockSlackMs;
}

/** True when outcomes could not become durable for the last seconds before the death. */
function isHindered(fromMs: number, untilMs: number, outages: readonly Outage[]): boolean {
  return outages.some(
    (each) =>
      each.fromMs - settlesWithinMs < fromMs + settlesWithinMs && each.untilMs + settlesWithinMs > untilMs,
  );
}
