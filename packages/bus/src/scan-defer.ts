/**
 * Reads DEFER_s at takeover (durability rule 3): names and headers only, in stream order, until the owner's own
 * `_epoch` record comes. Not until "nothing is pending": a replica may report that too early and the rest would stay unseen.
 *
 * A million records are read in seconds: the octets of the connection are looked at where they lie, because the client's message with its
 * iterator, its map of headers and its parsed acknowledgement costs more than all that is made of it. A gap in what the consumer delivers, or a
 * consumer that is gone, ends the scan with an error; the takeover then begins again.
 */
import { AckPolicy, DeliverPolicy } from '@nats-io/jetstream';
import { type Msg, type Subscription, createInbox, nanos } from '@nats-io/transport-node';
import { deferHeader } from '@railpost/contracts';
import type { Bus } from './bus.ts';
import { deliveryOf } from './delivery-sequence.ts';
import { BusUnavailableError } from './errors.ts';

/** One record of DEFER, without its payload. */
export interface DeferEntry {
  readonly sequence: number;
  readonly subject: string;
  /** Value of the header {@link deferHeader}. */
  readonly summary: string | undefined;
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
/** Without a word from the server for so long the consumer is gone. */
const silentMs = 15_000;
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
  #watch: NodeJS.Timeout | undefined;
  #nextSubject = '';
  /** Messages asked for that have not come. */
  #awaited = 0;
  #delivered = 0;
  #heardAt = performance.now();
  #isOver = false;
  /** Messages lie side by side in the octets of one read: a view of these is made once, not for each of them. */
  #view: Buffer = Buffer.alloc(0);

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
        if (error !== null) return this.#end(error);
        this.#take(message);
      },
    });
    this.#watch = setInterval(() => {
      if (performance.now() - this.#heardAt > silentMs) this.#end(new Error('the server fell silent'));
    }, 1000);
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
    this.#subscription?.unsubscribe();
  }

  #take(message: Msg): void {
    if (this.#isOver) return;
    this.#heardAt = performance.now();
    try {
      const raw = octetsOf(message);
      if (raw.reply === undefined) this.#takeStatus(message);
      else this.#takeRecord(raw.reply, raw);
    } catch (error) {
      this.#end(error);
    }
  }

  #takeRecord(reply: Uint8Array, { subject, header }: Octets): void {
    const { streamSequence, consumerSequence } = deliveryOf(reply);
    this.#delivered += 1;
    if (consumerSequence !== this.#delivered) throw new Error('a message of the scan is missing');
    const entry = {
      sequence: streamSequence,
      subject: this.#text(subject),
      summary: summaryIn(this.#text(header)),
    };
    if (entry.subject !== this.#epochSubject) this.#options.onEntry(entry);
    else if (streamSequence >= this.#options.untilEpoch) return this.#end();
    this.#awaited -= 1;
    if (this.#awaited <= messagesAtOnce / 2) this.#pull();
  }

  #text({ buffer, byteOffset, length }: Uint8Array): string {
    if (this.#view.buffer !== buffer) this.#view = Buffer.from(buffer);
    return this.#view.toString('latin1', byteOffset, byteOffset + length);
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

  #end(error?: unknown): void {
    this.#isOver = true;
    if (error === undefined) this.#over.resolve();
    else this.#over.reject(error);
  }
}

/** A message as it lies in the octets that came from the server. */
interface Octets {
  readonly subject: Uint8Array;
  /** Undefined for what the server says of the pull itself. */
  readonly reply: Uint8Array | undefined;
  readonly header: Uint8Array;
}

/** The client's message as it is before anything of it is asked for (its version is pinned). */
interface LazyMessage {
  readonly _msg: { readonly subject: Uint8Array; readonly reply?: Uint8Array; readonly hdr: number };
  readonly _rdata: Uint8Array;
}

function isLazy(message: object): message is LazyMessage {
  return '_msg' in message && '_rdata' in message && message._rdata instanceof Uint8Array;
}

/** @throws TypeError when the client library keeps its messages in another form */
function octetsOf(message: Msg): Octets {
  if (!isLazy(message)) throw new TypeError('the NATS client has messages of an unknown form');
  const { subject, reply, hdr } = message._msg;
  return { subject, reply, header: message._rdata.subarray(0, Math.max(0, hdr)) };
}

const headerStart = `\r\n${deferHeader}: `;

function summaryIn(text: string): string | undefined {
  const start = text.indexOf(headerStart);
  if (start < 0) return undefined;
  const end = text.indexOf('\r\n', start + headerStart.length);
  return end < 0 ? undefined : text.slice(start + headerStart.length, end);
}
