/**
 * The book: what was accepted, what arrived where and through whom, what was returned. An accepted message is written to a file before
 * it is counted. Nothing here judges: see verdict.ts.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { type Behaviour, behaviourOf } from './destinations.ts';
import type { MessageMark } from './message-plan.ts';

/** A process id; `untold` when the process was gone before it could be asked for, `none` for a file in a mailbox. */
export type Worker = number | 'untold' | 'none';

/** One arrival at a far end or in a mailbox, or one recipient of a DSN at the sender's far end. */
export interface Arrival {
  readonly kind: 'delivered' | 'returned';
  readonly number: number;
  readonly attempt: number;
  readonly recipient: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  /** Process that delivered. */
  readonly worker: Worker;
  readonly isIntact: boolean;
}

/** What the client knows of an offer that was not simply refused before its content. */
export interface OfferEntry {
  readonly number: number;
  readonly attempt: number;
  readonly recipients: readonly string[];
  readonly outcome: 'accepted' | 'unknown' | 'refused';
  readonly queueId: string;
  readonly atMs: number;
}

/** `<number> <recipient>` */
export function keyOf(number: number, recipient: string): string {
  return `${number} ${recipient}`;
}

/** The book of one part. */
export class Book {
  /** In the order of events. */
  readonly offers: OfferEntry[] = [];
  readonly #arrivals = new Map<string, Arrival[]>();
  readonly #pending = new Set<string>();
  readonly #file: number;
  #accepted = 0;

  /** @param path the append-only log of accepted messages */
  constructor(path: string) {
    this.#file = openSync(path, 'a');
  }

  /** Messages that were answered 250. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Recipients that were answered 250 and of which nothing has been heard. */
  get pending(): ReadonlySet<string> {
    return this.#pending;
  }

  /** Arrivals by `<number> <recipient>`, each list in the order of time. */
  get arrivals(): ReadonlyMap<string, readonly Arrival[]> {
    return this.#arrivals;
  }

  /** Writes down what was said to an offer. */
  noteOffer(entry: OfferEntry): void {
    const { outcome, number, attempt, queueId, atMs, recipients } = entry;
    writeSync(this.#file, `${outcome} ${number} ${attempt} ${queueId} ${new Date(atMs).toISOString()}\n`);
    this.offers.push(entry);
    if (outcome !== 'accepted') return;
    this.#accepted += 1;
    for (const recipient of recipients) {
      const key = keyOf(number, recipient);
      if (!this.#isSettled(key, recipient, attempt)) this.#pending.add(key);
    }
  }

  /** Writes down an arrival. */
  noteArrival(arrival: Arrival): void {
    const key = keyOf(arrival.number, arrival.recipient);
    const known = this.#arrivals.get(key);
    if (known === undefined) this.#arrivals.set(key, [arrival]);
    // Who brought it is found out afterwards, which takes longer for one than for another.
    else known.splice(known.findLastIndex(({ atMs }) => atMs <= arrival.atMs) + 1, 0, arrival);
    if (this.#isSettled(key, arrival.recipient, arrival.attempt)) this.#pending.delete(key);
  }

  close(): void {
    closeSync(this.#file);
  }

  #isSettled(key: string, recipient: string, attempt: number): boolean {
    const wanted = expectedKind(behaviourOf(recipient));
    return (this.#arrivals.get(key) ?? []).some(
      (each) => each.kind === wanted && (each.attempt === attempt || each.kind === 'returned'),
    );
  }
}

/** How a recipient of this behaviour must end. */
export function expectedKind(behaviour: Behaviour): Arrival['kind'] {
  return behaviour === 'permanent' ? 'returned' : 'delivered';
}

/** The arrival of a marked content. */
export function arrivalOf(
  mark: MessageMark,
  facts: Pick<Arrival, 'recipient' | 'worker' | 'isIntact'>,
): Arrival {
  return {
    kind: 'delivered',
    number: mark.number,
    attempt: mark.attempt,
    atMs: Date.now(),
    ...facts,
  };
}
