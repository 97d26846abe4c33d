/**
 * A message in hand, from 354 (or the first BDAT) to the reply: its queue id, its record in the spool, its content. The
 * receivers at the end are what the engine streams into.
 */
import { formatReceived } from '@railpost/mail';
import type { ClientFacts, Envelope } from '@railpost/mail';
import { ContentDecoder, type ContentFacts, type ContentReceiver, type Reaction } from '@railpost/smtp';
import { createTraceparent } from '@railpost/runtime';
import type { RecordWriter } from '@railpost/spool';
import { type Acceptance, accept } from './accept.ts';
import { MessageContent } from './content.ts';
import type { IngressContext, ListenerContext } from './ingress-context.ts';
import type { Transaction } from './session-state.ts';

/** Facts that are fixed when content begins. */
export interface MessageFacts {
  readonly transaction: Transaction;
  readonly client: ClientFacts;
  readonly hostname: string;
  readonly isBareNewlineRefused: boolean;
  /** Milliseconds of the engine's clock: when the content must be complete. */
  readonly deadlineAt: number;
}

/** A message in hand. */
export class MessageInHand {
  readonly queueId: string;
  readonly facts: MessageFacts;
  readonly traceparent: string = createTraceparent();
  readonly content: MessageContent;
  readonly #context: IngressContext;
  readonly #record: RecordWriter;
  readonly #receivedAtMs: number;
  readonly #chunks = new ContentDecoder(false);

  constructor(context: IngressContext, listener: ListenerContext, facts: MessageFacts) {
    this.#context = context;
    this.facts = facts;
    this.queueId = context.newQueueId();
    this.#receivedAtMs = context.clock.nowMs();
    this.#record = context.accept.segments.begin();
    const { recipients } = facts.transaction;
    const trace = formatReceived({
      client: facts.client,
      hostname: facts.hostname,
      queueId: this.queueId,
      recipient: recipients.length === 1 ? recipients[0]?.address : undefined,
      timeMs: this.#receivedAtMs,
    });
    this.content = new MessageContent(this.#record, Buffer.from(trace, 'utf8'), listener.settings.limits);
  }

  /** Takes octets of a chunk: lines are made whole across chunks, as in DATA, but dots are dots. */
  writeChunk(slice: Uint8Array): Promise<void> | undefined {
    let pressure: Promise<void> | undefined;
    for (const part of this.#chunks.decode(slice).slices) {
      const before = pressure;
      pressure =
        before === undefined ? this.content.write(part) : before.then(() => this.content.write(part));
    }
    return pressure;
  }

  /** Notes bare newlines of a chunk; before the last one the message may be refused for them. */
  checkChunk(): void {
    this.checkNewlines(this.#chunks.hasBareLineFeed);
  }

  /** The last chunk has come. */
  async finishChunks(): Promise<void> {
    const held = this.#chunks.finish();
    if (held !== undefined) await this.content.write(held);
  }

  /** Refuses a message with bare newlines where `bareNewline: Reject` says so. */
  checkNewlines(hasBareLineFeed: boolean): void {
    if (hasBareLineFeed && this.facts.isBareNewlineRefused) this.content.fail('bareLineFeed');
  }

  /** Makes the message durable and queued. */
  accept(): Promise<Acceptance> {
    return accept(this.#context.accept, this.#record, this.content, this.#envelope());
  }

  /** Drops the message: the client went away. */
  abort(): void {
    this.content.fail('commandFault');
  }

  #envelope(): Envelope {
    const { transaction, client } = this.facts;
    const { ret, envid, body, smtputf8 } = transaction.parameters;
    return {
      version: 1,
      queueId: this.queueId,
      reversePath: transaction.reversePath,
      recipients: [...transaction.recipients],
      ...(ret === undefined ? {} : { ret }),
      ...(envid === undefined ? {} : { envid }),
      ...(body === undefined ? {} : { body }),
      smtputf8: smtputf8 === true,
      client,
      receivedAt: new Date(this.#receivedAtMs).toISOString(),
      traceparent: this.traceparent,
    };
  }
}

/** Streams DATA into a message. */
export function dataReceiver(message: MessageInHand, end: () => Promise<Reaction>): ContentReceiver {
  return {
    write: (slice) => message.content.write(slice),
    end: (facts: ContentFacts) => {
      message.checkNewlines(facts.hasBareLineFeed);
      return end();
    },
  };
}

/** Streams one BDAT chunk into a message. */
export function chunkReceiver(
  message: MessageInHand,
  isLast: boolean,
  end: () => Reaction | Promise<Reaction>,
): ContentReceiver {
  return {
    write: (slice) => message.writeChunk(slice),
    end: () => {
      message.checkChunk();
      return isLast ? message.finishChunks().then(end) : end();
    },
  };
}

/** Reads a refused chunk and drops it. */
export function droppingReceiver(end: () => Reaction): ContentReceiver {
  return { write: () => undefined, end };
}
