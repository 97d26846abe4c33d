/**
 * Takes the messages of some subscriptions out of what a connection reads, before the client library sees them: where they come by the
 * million, its parser and the objects that it makes of a message cost several times what is done with them. Everything else
 * reaches the client as it came and in its place. Only messages with headers and a reply subject are taken, which is what consumers
 * deliver; what a subscription gets besides, or gets before the lane is open or after a reconnect, comes to its callback as ever.
 *
 * The client's parser is no part of its interface (the version is pinned, a test holds the lane to it): without one of the
 * known form nothing is taken, and all goes its usual way.
 */
import type { NatsConnection } from '@nats-io/transport-node';

/** A message where it lies in what was read. Positions are octets; all of it is valid only until the taker returns. */
export interface LaneMessage {
  readonly octets: Buffer;
  readonly subjectAt: number;
  readonly subjectEnd: number;
  readonly replyAt: number;
  readonly replyEnd: number;
  /** The header section, its first line included. */
  readonly headerAt: number;
  readonly headerEnd: number;
}

/** Gets the messages of one subscription. May not throw. */
type Taker = (message: LaneMessage) => void;

/** What is needed of the client's parser. */
interface ClientParser {
  state: number;
  parse(octets: Uint8Array): void;
}

/** The lane of one connection. */
export class FastLane {
  readonly #connection: NatsConnection;
  readonly #takers = new Map<number, Taker>();
  #parser: ClientParser | undefined;

  constructor(connection: NatsConnection) {
    this.#connection = connection;
  }

  /** Takes the messages of a subscription from now on; returns what ends that. @param id of the subscription */
  open(id: number, taker: Taker): () => void {
    this.#takers.set(id, taker);
    this.#attach();
    return () => this.#takers.delete(id);
  }

  /** Begins to read in front of the client's parser; false when there is none of the known form. It is another one after each reconnect. */
  #attach(): boolean {
    const parser = parserOf(this.#connection);
    if (parser === undefined || parser === this.#parser) return parser !== undefined;
    this.#parser = parser;
    const reader = new LaneReader(this.#takers, parser);
    const parse = parser.parse.bind(parser);
    parser.parse = (octets) => {
      const isOver = reader.read(octets, parse);
      if (!isOver) return;
      // Back to what it was.
      parser.parse = parse;
      if (this.#parser === parser) this.#parser = undefined;
    };
    return true;
  }
}

/** Where a message of the client's begins: the state of its parser between two. */
const betweenMessages = 0;

/** What is read of one connection while the lane is open. */
class LaneReader {
  readonly #takers: ReadonlyMap<number, Taker>;
  readonly #parser: Pick<ClientParser, 'state'>;
  readonly #frame = new Frame();
  /** A message that has not come whole yet. */
  #begun: Uint8Array = Buffer.alloc(0);

  constructor(takers: ReadonlyMap<number, Taker>, parser: Pick<ClientParser, 'state'>) {
    this.#takers = takers;
    this.#parser = parser;
  }

  /** Takes what is for a taker, and hands the rest on. True when nobody takes anything any more. */
  read(chunk: Uint8Array, handOn: (octets: Uint8Array) => void): boolean {
    const octets = this.#joined(chunk);
    this.#begun = octets.subarray(0, 0);
    const isOver = this.#takers.size === 0;
    if (isOver || this.#parser.state !== betweenMessages) {
      handOn(octets);
      return isOver;
    }
    const frame = this.#frame;
    let othersAt = 0;
    let at = 0;
    for (; frame.find(octets, at); at = frame.end) {
      const taker = frame.isDelivery ? this.#takers.get(frame.subscription) : undefined;
      if (taker === undefined) continue;
      if (othersAt < at) handOn(octets.subarray(othersAt, at));
      othersAt = frame.end;
      taker(frame);
    }
    if (othersAt < at) handOn(octets.subarray(othersAt, at));
    this.#begun = octets.subarray(at);
    return false;
  }

  #joined(chunk: Uint8Array): Buffer {
    if (this.#begun.length > 0) return Buffer.concat([this.#begun, chunk]);
    return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
  }
}

const space = 0x20;
const lineFeed = 0x0a;
const [letterH, letterM] = [0x48, 0x4d];
/** HMSG, subject, subscription, reply, octets of headers, octets of headers and payload. */
const deliveryTokens = 6;
const lineEndOctets = 2;

/**
 * One message of the protocol: `HMSG subject sid [reply] headers total`, then so many octets and a line end; `MSG` likewise; anything
 * else is a line.
 */
class Frame implements LaneMessage {
  octets: Buffer = Buffer.alloc(0);
  /** Position behind it. */
  end = 0;
  /** True for a message with headers and reply subject. */
  isDelivery = false;
  /** Of such a message: for which subscription it is. */
  subscription = 0;
  headerAt = 0;
  headerEnd = 0;
  #tokens = 0;
  readonly #starts = new Int32Array(deliveryTokens);
  readonly #ends = new Int32Array(deliveryTokens);

  get subjectAt(): number {
    return this.#starts[1] ?? 0;
  }

  get subjectEnd(): number {
    return this.#ends[1] ?? 0;
  }

  get replyAt(): number {
    return this.#starts[3] ?? 0;
  }

  get replyEnd(): number {
    return this.#ends[3] ?? 0;
  }

  /** Finds the message that begins at a position; false when it is not there as a whole. */
  find(octets: Buffer, at: number): boolean {
    const lineEnd = this.#splitLine(octets, at);
    if (lineEnd < 0) return false;
    this.octets = octets;
    this.headerAt = lineEnd + 1;
    this.end = this.headerAt;
    this.isDelivery = false;
    const letter = octets[at];
    if (letter !== letterH && letter !== letterM) return true;
    this.end += this.#number(this.#tokens - 1) + lineEndOctets;
    this.isDelivery = letter === letterH && this.#tokens === deliveryTokens;
    if (this.isDelivery) {
      this.subscription = this.#number(2);
      this.headerEnd = this.headerAt + this.#number(4);
    }
    return this.end <= octets.length;
  }

  /** Notes where the words of a line are; returns where its line feed is, -1 when there is none. */
  #splitLine(octets: Buffer, at: number): number {
    let tokens = 0;
    let start = at;
    for (let index = at; index < octets.length; index += 1) {
      const octet = octets[index] ?? 0;
      if (octet > space) continue;
      if (index > start && tokens < deliveryTokens) {
        this.#starts[tokens] = start;
        this.#ends[tokens] = index;
        tokens += 1;
      }
      start = index + 1;
      if (octet !== lineFeed) continue;
      this.#tokens = tokens;
      return index;
    }
    return -1;
  }

  #number(token: number): number {
    const end = this.#ends[token] ?? 0;
    let value = 0;
    for (let index = this.#starts[token] ?? 0; index < end; index += 1)
      value = value * 10 + ((this.octets[index] ?? 0) & 0xf);
    return value;
  }
}

/** @returns undefined when the client library keeps its parser in another form */
function parserOf(connection: NatsConnection): ClientParser | undefined {
  const { protocol } = connection as { readonly protocol?: { readonly parser?: Partial<ClientParser> } }; // looked at below
  const parser = protocol?.parser;
  if (typeof parser?.parse !== 'function' || typeof parser.state !== 'number') return undefined;
  return parser as ClientParser; // both were looked at
}
