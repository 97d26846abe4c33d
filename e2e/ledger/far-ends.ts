/** All far ends of a part; each arrival goes into the book with the process that brought it. */
import { type FarEnd as FarEndName, behaviourOf } from './destinations.ts';
import { type Arrival, type Book, type Worker, arrivalOf } from './book.ts';
import { type FarEndSession, type Taken, startFarEnd } from './far-end.ts';
import { makePolicy } from './far-end-policy.ts';
import type { FarEndPorts } from './manifests.ts';
import { isIntact, readMark } from './message-plan.ts';

/** Who tells which process is at the other end. */
export interface PeerFinder {
  /** The delivery agent at the other end; undefined when none holds it (any more). */
  processAt(connection: FarEndSession): Promise<number | undefined>;
}

/** What the far ends need. */
export interface FarEndsOptions {
  /** Name of the run, as in the marks of its messages. */
  readonly run: string;
  readonly book: Pick<Book, 'noteArrival'>;
  readonly peers: PeerFinder;
}

/** Running far ends; they end with their thread. */
export interface FarEnds {
  readonly ports: FarEndPorts;
}

/** Starts them. */
export async function startFarEnds(options: FarEndsOptions): Promise<FarEnds> {
  const desk = new Desk(options);
  const start = async (behaviour: FarEndName, protocol: 'smtp' | 'lmtp' = 'smtp'): Promise<number> => {
    const farEnd = await startFarEnd({
      protocol,
      behave: makePolicy(behaviour),
      onTaken: (taken) => desk.take(taken),
      onSession: (session) => desk.meet(session),
    });
    return farEnd.port;
  };
  const sender = await startFarEnd({
    behave: () => ({ kind: 'usual' }),
    onTaken: (taken) => desk.takeReport(taken),
    onSession: (session) => desk.meet(session),
  });
  return {
    ports: {
      takes: await start('takes'),
      lmtp: await start('lmtp', 'lmtp'),
      slow: await start('slow'),
      temporary: await start('temporary'),
      permanent: await start('permanent'),
      drops: await start('drops'),
      moved: [await start('moved'), await start('moved')],
      sender: sender.port,
    },
  };
}

/** Writes arrivals into the book. */
class Desk {
  readonly #options: FarEndsOptions;
  /** Looked up when a connection opens: later the process may have died. */
  readonly #workers = new WeakMap<FarEndSession, Promise<number | undefined>>();

  constructor(options: FarEndsOptions) {
    this.#options = options;
  }

  meet(session: FarEndSession): void {
    this.#workers.set(session, this.#options.peers.processAt(session));
  }

  take(taken: Taken): void {
    const mark = readMark(taken.content);
    if (mark === undefined || mark.run !== this.#options.run) return;
    const intact = isIntact(taken.content, mark);
    const arrivals = taken.recipients.map((recipient) =>
      arrivalOf(mark, { recipient, worker: 'untold', isIntact: intact }),
    );
    void this.#note(taken, arrivals);
  }

  /** A DSN: each recipient that it names was returned. It quotes the header of the message, and the mark in it. */
  takeReport(taken: Taken): void {
    const mark = readMark(taken.content);
    const text = taken.content.toString('latin1');
    const isFailure = /^Action: failed\r?$/m.test(text);
    if (mark === undefined || mark.run !== this.#options.run || !isFailure) return;
    const returned: Arrival[] = [];
    for (const [, recipient = ''] of text.matchAll(/^Final-Recipient: rfc822; *(\S+?)\r?$/gm)) {
      if (!isOurs(recipient)) continue;
      const arrival: Arrival = {
        kind: 'returned',
        number: mark.number,
        attempt: mark.attempt,
        recipient,
        atMs: Date.now(),
        worker: 'untold',
        isIntact: true,
      };
      returned.push(arrival);
    }
    void this.#note(taken, returned);
  }

  /** Writes arrivals of this moment down when it is known who brought them. */
  async #note(taken: Taken, arrivals: readonly Arrival[]): Promise<void> {
    const { session } = taken;
    let found = await this.#workers.get(session);
    if (found === undefined) {
      // A process that has just started may not have been known yet.
      this.#workers.set(session, this.#options.peers.processAt(session));
      found = await this.#workers.get(session);
    }
    const worker: Worker = found ?? 'untold';
    for (const arrival of arrivals) this.#options.book.noteArrival({ ...arrival, worker });
  }
}

function isOurs(address: string): boolean {
  try {
    behaviourOf(address);
    return true;
  } catch {
    return false; // an address that only looks like one of the ledger's
  }
}
