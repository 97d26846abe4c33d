/**
 * One mail transaction over an open session, SMTP or LMTP: MAIL, RCPT for each recipient, DATA, content, dot; in one
 * batch when the server offers PIPELINING (RFC 2920), else one by one. Never rejects for what the peer does: each recipient has a
 * result of its own. The final dot is sent only after `mayCommit` agreed (durability rule 9); when it rejects, the
 * connection is dropped, nothing was delivered, and the rejection passes on.
 */
import { DotEncoder, type Reply } from '@railpost/mail';
import type { Capabilities } from './capabilities.ts';
import { type MailRequest, type RcptRequest, formatMail, formatRcpt } from './commands.ts';
import type { Connection } from './connection.ts';
import { ClientError, type ClientPhase } from './errors.ts';

/** Deadlines of a session, milliseconds; each is for one reply, `dataBlockMs` for one block of content to be taken. */
export interface ClientTimeouts {
  readonly connectMs: number;
  /** Greeting, EHLO, STARTTLS, AUTH, MAIL, RCPT, RSET. */
  readonly commandMs: number;
  readonly dataInitMs: number;
  readonly dataBlockMs: number;
  readonly dataDoneMs: number;
}

/** Octets in order. Chunks that are all there already go out without a promise for each. */
export type ContentChunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** A message to send. */
export interface OutgoingMessage {
  readonly mail: MailRequest;
  readonly recipients: readonly RcptRequest[];
  /** Content with CRLF line ends, not dot-stuffed. Read at most once; a function is called when the server is ready for it. */
  readonly content: ContentChunks | (() => Promise<ContentChunks>);
  /** Awaited before the final dot. When it rejects, the connection is dropped instead and the rejection passes on. */
  mayCommit(): Promise<void>;
  /**
   * Called when all but the last octets are on their way and the server lets commands follow them (RFC 2920 section 3.1): true when
   * another message is about to be sent over this session. Never called for the same message twice.
   */
  offerSession?(): boolean;
  /** Told when the content starts, right before the dot, after it was written, and when the replies to it are read. */
  onStep?(step: TransactionStep): void;
}

/** How far a transaction has come. */
export type TransactionStep = 'content' | 'before-dot' | 'dot-sent' | 'replied';

/** What became of one recipient. Delivered = replied in phase `dot` with 2xx. */
export type RecipientResult =
  | { readonly kind: 'replied'; readonly phase: 'mail' | 'rcpt' | 'data' | 'dot'; readonly reply: Reply }
  /** The session broke down; in phase `dot` the message may have been delivered. */
  | { readonly kind: 'failed'; readonly error: ClientError }
  /** Our own content could not be read to its end; nothing was delivered. */
  | { readonly kind: 'content-failed'; readonly cause: unknown };

/** What a session needs to be for a transaction. */
export interface TransactionPeer {
  readonly connection: Connection;
  readonly capabilities: Capabilities;
  readonly protocol: 'smtp' | 'lmtp';
  readonly timeouts: ClientTimeouts;
  /** The end of the transaction before, when this one begins behind its final dot: its replies come first. Never rejects. */
  readonly previous: Promise<unknown> | undefined;
  /** True while no other transaction may begin behind the dot of this one. */
  readonly isExclusive: boolean;
}

/** Results in the order of the recipients. */
export async function runTransaction(
  peer: TransactionPeer,
  message: OutgoingMessage,
): Promise<readonly RecipientResult[]> {
  return await new Transaction(peer, message).run();
}

class Transaction {
  readonly #peer: TransactionPeer;
  readonly #message: OutgoingMessage;
  readonly #results: (RecipientResult | undefined)[];

  constructor(peer: TransactionPeer, message: OutgoingMessage) {
    this.#peer = peer;
    this.#message = message;
    this.#results = message.recipients.map(() => undefined);
  }

  async run(): Promise<readonly RecipientResult[]> {
    try {
      const data = this.#peer.capabilities.hasPipelining ? await this.#pipelined() : await this.#oneByOne();
      if (data !== undefined) await this.#transfer(data);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      this.#settle({ kind: 'failed', error });
    }
    return this.#results.map((each) => each ?? unsettled());
  }

  /** Sends MAIL, all RCPTs and DATA at once, then reads the replies. Answers DATA's, when there is one to act upon. */
  async #pipelined(): Promise<Reply | undefined> {
    const { connection, capabilities } = this.#peer;
    const lines = [formatMail(this.#message.mail, capabilities)];
    for (const recipient of this.#message.recipients) lines.push(formatRcpt(recipient, capabilities));
    connection.writeLines(`${lines.join('')}DATA\r\n`);
    await this.#peer.previous;
    // Replies that come together, as they mostly do, are waited for together.
    const mail = this.#receive('mail');
    this.#noteMail(mail instanceof Promise ? await mail : mail);
    for (const index of this.#message.recipients.keys()) {
      const reply = this.#receive('rcpt');
      this.#noteRcpt(index, reply instanceof Promise ? await reply : reply);
    }
    return this.#receive('data');
  }

  async #oneByOne(): Promise<Reply | undefined> {
    const { connection, capabilities } = this.#peer;
    connection.writeLines(formatMail(this.#message.mail, capabilities));
    this.#noteMail(await this.#receive('mail'));
    if (!this.#hasSurvivors()) return undefined;
    for (const [index, recipient] of this.#message.recipients.entries()) {
      connection.writeLines(formatRcpt(recipient, capabilities));
      this.#noteRcpt(index, await this.#receive('rcpt'));
    }
    if (!this.#hasSurvivors()) return undefined;
    connection.writeLines('DATA\r\n');
    return await this.#receive('data');
  }

  /** Acts upon the reply to DATA. */
  async #transfer(data: Reply): Promise<void> {
    const isGo = data.code >= 300 && data.code < 400;
    if (!isGo) {
      this.#settle({ kind: 'replied', phase: 'data', reply: data });
      return;
    }
    if (this.#hasSurvivors()) await this.#sendContent();
    else await this.#sendNothing();
  }

  /** A server that takes DATA for nobody (RFC 2920 section 3.1): a lone dot. LMTP has no reply to that, so hang up. */
  async #sendNothing(): Promise<void> {
    const { connection, protocol } = this.#peer;
    if (protocol === 'lmtp') {
      connection.destroy();
      return;
    }
    connection.writeLines('.\r\n');
    await this.#receive('dot');
  }

  async #sendContent(): Promise<void> {
    const { connection } = this.#peer;
    this.#message.onStep?.('content');
    const encoder = new DotEncoder();
    if (!(await this.#streamContent(encoder))) return;
    this.#message.onStep?.('before-dot');
    try {
      await this.#message.mayCommit();
    } catch (refusal) {
      connection.destroy();
      throw refusal;
    }
    // A reply to a dot that was not sent is none: taken for one, a 250 would lose the message.
    if (connection.unaskedReply !== undefined) {
      this.#settleEarly(new ClientError('PROTOCOL_ERROR', 'body', 'reply before the end of data'));
      connection.destroy();
      return;
    }
    void connection.gather(encoder.finish(), this.#peer.timeouts.dataBlockMs)?.catch(() => undefined);
    const isFollowed = !this.#peer.isExclusive && this.#message.offerSession?.() === true;
    // What the next one says goes out with the dot.
    if (isFollowed) await connection.flushSoon();
    else connection.flush();
    this.#message.onStep?.('dot-sent');
    await this.#readFinalReplies();
    this.#message.onStep?.('replied');
  }

  /** True when all of the content is on its way. Recipients are settled otherwise. */
  async #streamContent(encoder: DotEncoder): Promise<boolean> {
    const { connection } = this.#peer;
    try {
      const { content } = this.#message;
      const chunks = typeof content === 'function' ? await content() : content;
      if (Symbol.iterator in chunks) {
        for (const chunk of chunks) {
          const isTaken = this.#send(encoder.encode(chunk));
          if (isTaken !== undefined) await isTaken;
        }
      } else for await (const chunk of chunks) await this.#send(encoder.encode(chunk));
      return true;
    } catch (cause) {
      connection.destroy();
      if (cause instanceof ClientError) this.#settleEarly(cause);
      else this.#settle({ kind: 'content-failed', cause });
      return false;
    }
  }

  /** A promise when the socket wants a pause. @throws ClientError when the connection is lost */
  #send(slices: readonly Uint8Array[]): Promise<void> | undefined {
    const { connection, timeouts } = this.#peer;
    for (const [index, slice] of slices.entries()) {
      const isTaken = connection.gather(slice, timeouts.dataBlockMs);
      if (isTaken !== undefined) return isTaken.then(() => this.#send(slices.slice(index + 1)));
    }
    if (!connection.isOpen) throw new ClientError('CONNECTION_LOST', 'body', 'lost connection');
    return undefined;
  }

  /**
   * A server that hangs up in the middle may have said why before it did (Postfix looks, too). Only a refusal counts: a
   * 2xx for half a message means nothing.
   */
  #settleEarly(error: ClientError): void {
    const reply = this.#peer.connection.unaskedReply;
    const isRefusal = reply !== undefined && reply.code >= 400;
    if (isRefusal) this.#settle({ kind: 'replied', phase: 'dot', reply });
    else this.#settle({ kind: 'failed', error });
  }

  async #readFinalReplies(): Promise<void> {
    if (this.#peer.protocol === 'smtp') {
      this.#settle({ kind: 'replied', phase: 'dot', reply: await this.#receive('dot') });
      return;
    }
    // LMTP (RFC 2033 section 4.2): one reply for each recipient that was accepted, in order.
    for (const index of this.#results.keys()) {
      if (this.#results[index] !== undefined) continue;
      this.#results[index] = { kind: 'replied', phase: 'dot', reply: await this.#receive('dot') };
    }
  }

  #receive(phase: Extract<ClientPhase, 'mail' | 'rcpt' | 'data' | 'dot'>): Reply | Promise<Reply> {
    const { timeouts, connection } = this.#peer;
    if (phase === 'dot') return connection.receive(phase, timeouts.dataDoneMs);
    return connection.receive(phase, phase === 'data' ? timeouts.dataInitMs : timeouts.commandMs);
  }

  #noteMail(reply: Reply): void {
    if (!isPositive(reply)) this.#settle({ kind: 'replied', phase: 'mail', reply });
  }

  #noteRcpt(index: number, reply: Reply): void {
    if (isPositive(reply) || this.#results[index] !== undefined) return;
    this.#results[index] = { kind: 'replied', phase: 'rcpt', reply };
  }

  #hasSurvivors(): boolean {
    return this.#results.includes(undefined);
  }

  /** Gives all recipients that have no result yet this one. */
  #settle(result: RecipientResult): void {
    for (const index of this.#results.keys()) this.#results[index] ??= result;
  }
}

function isPositive(reply: Reply): boolean {
  return reply.code >= 200 && reply.code < 300;
}

function unsettled(): never {
  throw new Error('a recipient was left without a result');
}
