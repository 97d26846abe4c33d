/**
 * Reads DEFER_s at takeover (durability rule 3): names and headers only, in stream order, until the owner's own
 * `_epoch` record comes. Not until "nothing is pending": a replica may report that too early and the rest would stay unseen.
 *
 * A million records are read in seconds: they are looked at where they lie in what the connection read (fast-lane.ts), and nothing is made of
 * them but what the caller makes. A gap in what the consumer delivers, or a consumer that is gone, ends the scan with an
 * error; the takeover then begins again.
 */
import { AckPolicy, DeliverPolicy } from '@nats-io/jetstream';
import { type Msg, type Subscription, createInbox, nanos } from '@nats-io/transport-node';
import { deferHeader } from '@railpost/contracts';
import type { Bus } from './bus.ts';
import { deliveryOf } from './delivery-sequence.ts';
import { BusUnavailableError } from './errors.ts';
import type { LaneMessage } from './fast-lane.ts';

/** One record of DEFER, without its payload, where it lies among other octets. Valid only until the callback returns. */
export interface DeferEntry {
  readonly sequence: number;
  readonly octets: Buffer;
  readonly subjectAt: number;
  readonly subjectEnd: number;
  /** Value of the header {@link deferHeader}; an empty range when it is not there. */
  readonly summaryAt: number;
  readonly summaryEnd: number;
}

/** What to scan. */
export interface ScanOptions {
  readonly shard: number;
  /** Epoch of the caller's {@link FencedWriter} at the start of the scan. */
  readonly untilEpoch: number;
  readonly onEntry: (entry: DeferEntry) => void;
  readonly signal?: AbortSignal;
}

const messagesAtOnce = 4000;
const pullMs = 5000;
/**
 * Without a record for so long the epoch record does not come: the server or the consumer is gone, or the stream was made anew since the
 * epoch was claimed, and has none. Words on pulls that came to nothing do not count.
 */
const silentMs = 10_000;
/** The consumer goes by itself when nobody has pulled for so long. */
const consumerLifeMs = 60_000;
/** Statuses of a pull that is over: nothing came, or less than it asked for. */
const endedPulls: ReadonlySet<number> = new Set([404, 408]);

/** Resolves when the epoch record has been seen. @throws BusUnavailableError when the scan ended before it */
export async function scanDefer(bus: Bus, options: ScanOptions): Promise<void> {
  const stream = bus.names.deferStream(options.shard);
  const scan = new DeferScan(bus, options);
  let consumer: string | undefined;
  try {
    ({ name: consumer } = await bus.manager.consumers.add(stream, {
      ...{ ack_policy: AckPolicy.None, deliver_policy: DeliverPolicy.All, headers_only: true },
      ...{ mem_storage: true, num_replicas: 1, inactive_threshold: nanos(consumerLifeMs) },
    }));
    await scan.run(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`);
  } catch (error) {
    const what = `the scan of DEFER of shard ${options.shard} ended before its epoch record`;
    throw new BusUnavailableError(what, error);
  } finally {
    scan.close();
    // One that stays behind goes by itself.
    if (consumer !== undefined) bus.manager.consumers.delete(stream, consumer).catch(() => undefined);
  }
}

/** A scan under way. */
class DeferScan {
  readonly #bus: Bus;
  readonly #options: ScanOptions;
  readonly #epochSubject: string;
  readonly #inbox = createInbox();
  readonly #over = Promise.withResolvers<void>();
  #subscription: Subscription | undefined;
  #closeLane: (() => void) | undefined;
  #watch: NodeJS.Timeout | undefined;
  #nextSubject = '';
  /** Messages asked for that have not come. */
  #awaited = 0;
  #delivered = 0;
  /** Whether a record has come since the watch looked last, and when it saw that last. */
  #isHeard = false;
  #heardAt = performance.now();
  #isOver = false;

  constructor(bus: Bus, options: ScanOptions) {
    this.#bus = bus;
    this.#options = options;
    this.#epochSubject = bus.names.epochSubject(options.shard);
  }

  /** Pulls from the consumer until the end. @param nextSubject on which it is asked for messages */
  async run(nextSubject: string): Promise<void> {
    const { signal } = this.#options;
    this.#nextSubject = nextSubject;
    const stop = () => this.#end(new Error('the scan was stopped'));
    if (signal?.aborted === true) stop();
    signal?.addEventListener('abort', stop, { once: true });
    this.#subscription = this.#bus.connection.subscribe(this.#inbox, {
      callback: (error, message) => {
        if (error === null) this.#takeFromClient(message);
        else this.#end(error);
      },
    });
    this.#closeLane = this.#bus.lane.open(this.#subscription.getID(), (message) => this.#take(message));
    this.#watch = setInterval(() => this.#look(), 1000);
    this.#pull();
    try {
      await this.#over.promise;
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  close(): void {
    this.#isOver = true;
    clearInterval(this.#watch);
    this.#closeLane?.();
    this.#subscription?.unsubscribe();
  }

  #take(message: LaneMessage): void {
    if (this.#isOver) return;
    this.#isHeard = true;
    try {
      this.#takeRecord(message);
    } catch (error) {
      this.#end(error);
    }
  }

  /** What does not come by the lane: words of the server on a pull, and records before the lane is open or after a reconnect. */
  #takeFromClient(message: Msg): void {
    if ((message.reply ?? '') !== '') return this.#take(inOctets(message));
    if (this.#isOver) return;
    try {
      this.#takeStatus(message);
    } catch (error) {
      this.#end(error);
    }
  }

  #takeRecord(message: LaneMessage): void {
    const { octets, subjectAt, subjectEnd } = message;
    const { streamSequence, consumerSequence } = deliveryOf(octets, message.replyAt, message.replyEnd);
    this.#delivered += 1;
    if (consumerSequence !== this.#delivered) throw new Error('a message of the scan is missing');
    const subjectLength = subjectEnd - subjectAt;
    const isEpoch =
      subjectLength === this.#epochSubject.length &&
      octets.toString('latin1', subjectAt, subjectEnd) === this.#epochSubject;
    if (!isEpoch) this.#options.onEntry({ sequence: streamSequence, ...placesIn(message) });
    else if (streamSequence >= this.#options.untilEpoch) return this.#end();
    this.#awaited -= 1;
    if (this.#awaited <= messagesAtOnce / 2) this.#pull();
  }

  #takeStatus({ headers }: Msg): void {
    if (headers === undefined || !endedPulls.has(headers.code))
      throw new Error(`the consumer answered ${headers?.code} ${headers?.description}`);
    this.#awaited -= Number(headers.get('Nats-Pending-Messages') || this.#awaited);
    if (this.#awaited <= messagesAtOnce / 2) this.#pull();
  }

  #pull(): void {
    const request = JSON.stringify({ batch: messagesAtOnce, expires: nanos(pullMs) });
    this.#awaited += messagesAtOnce;
    this.#bus.connection.publish(this.#nextSubject, request, { reply: this.#inbox });
  }

  #look(): void {
    const nowMs = performance.now();
    if (this.#isHeard) this.#heardAt = nowMs;
    this.#isHeard = false;
    if (nowMs - this.#heardAt > silentMs) this.#end(new Error('no more records come'));
  }

  #end(error?: unknown): void {
    this.#isOver = true;
    if (error === undefined) this.#over.resolve();
    else this.#over.reject(error);
  }
}

const lineEnd = '\r\n';
const carriageReturn = 0x0d;
const statusLine = 'NATS/1.0';
const summaryStart = Buffer.from(`${lineEnd}${deferHeader}: `, 'latin1');

/** Where subject and summary of a record are. */
function placesIn(message: LaneMessage): Omit<DeferEntry, 'sequence'> {
  const { octets, subjectAt, subjectEnd, headerAt, headerEnd } = message;
  const start = findSummary(octets, headerAt, headerEnd);
  if (start < 0) return { octets, subjectAt, subjectEnd, summaryAt: 0, summaryEnd: 0 };
  const summaryAt = start + summaryStart.length;
  let summaryEnd = summaryAt;
  while (summaryEnd < headerEnd && octets[summaryEnd] !== carriageReturn) summaryEnd += 1;
  return { octets, subjectAt, subjectEnd, summaryAt, summaryEnd };
}

function findSummary(octets: Buffer, headerAt: number, headerEnd: number): number {
  // It is the first header, but of a write that carried the fence.
  const first = headerAt + statusLine.length;
  let matching = 0;
  while (matching < summaryStart.length && octets[first + matching] === summaryStart[matching]) matching += 1;
  if (matching === summaryStart.length) return first;
  const found = octets.indexOf(summaryStart, headerAt);
  return found < headerEnd ? found : -1;
}

/** A message of the client's in the form that the lane has. */
function inOctets({ subject, reply = '', headers }: Msg): LaneMessage {
  const header =
    headers?.has(deferHeader) === true
      ? `${statusLine}${lineEnd}${deferHeader}: ${headers.get(deferHeader)}${lineEnd}`
      : '';
  const replyEnd = subject.length + reply.length;
  return {
    octets: Buffer.from(subject + reply + header, 'latin1'),
    subjectAt: 0,
    subjectEnd: subject.length,
    replyAt: subject.length,
    replyEnd,
    headerAt: replyEnd,
    headerEnd: replyEnd + header.length,
  };
}
