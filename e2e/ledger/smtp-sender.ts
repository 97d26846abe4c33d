/**
 * A client of the ledger: one SMTP connection that offers messages one after the other, pipelined (RFC 2920), and says of each what is
 * certain: accepted, refused, not sent, or unknown (the connection died after the content had begun to go out; nobody can tell then).
 */
import { type Socket, createConnection } from 'node:net';
import { stuff } from './smtp-text.ts';

/** What became of an offer. */
export type OfferResult =
  | { readonly kind: 'accepted'; readonly queueId: string }
  /** A reply said no: it must never arrive. */
  | { readonly kind: 'refused'; readonly reply: string; readonly isAtDot: boolean }
  /** No octet of the content went out. */
  | { readonly kind: 'unsent'; readonly reason: string }
  | { readonly kind: 'unknown'; readonly reason: string };

/** What is offered. */
export interface Offer {
  readonly reversePath: string;
  readonly recipients: readonly string[];
  readonly content: Buffer;
}

/** Longer than any deadline of ingress: who waits longer has found a hang. */
const replyLimitMs = 60_000;

/** One connection. */
export class SmtpSender {
  readonly #socket: Socket;
  #text = '';
  #wake: (() => void) | undefined;
  #end: string | undefined;

  /** Connects. @throws Error when there is no connection or no greeting 220 */
  static async open(port: number): Promise<SmtpSender> {
    const sender = new SmtpSender(createConnection({ host: '127.0.0.1', port, noDelay: true }));
    try {
      await sender.#expect('2');
      await sender.#command('EHLO client.test');
    } catch (error) {
      sender.close();
      throw error;
    }
    return sender;
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setTimeout(replyLimitMs, () => socket.destroy(new Error('no reply within a minute')));
    socket.on('data', (data: Buffer) => {
      this.#text += data.toString('latin1');
      this.#wake?.();
    });
    const onEnd = (reason: string) => {
      this.#end ??= reason;
      this.#wake?.();
    };
    socket.on('error', (error) => onEnd(error.message));
    socket.on('close', () => onEnd('the connection was closed'));
  }

  /** False when it cannot be used any more. */
  get isUsable(): boolean {
    return this.#end === undefined;
  }

  /** Offers one message. Never rejects. */
  async offer(offer: Offer): Promise<OfferResult> {
    const before = await this.#announce(offer);
    if (before !== undefined) return before;
    try {
      this.#socket.write(stuff(offer.content));
      this.#socket.write('.\r\n');
      const reply = await this.#reply();
      if (!reply.startsWith('250')) return { kind: 'refused', reply, isAtDot: true };
      return { kind: 'accepted', queueId: /queued as (\w+)/.exec(reply)?.[1] ?? '' };
    } catch (error) {
      return { kind: 'unknown', reason: String(error) };
    }
  }

  /** Says goodbye, without waiting. */
  quit(): void {
    if (this.isUsable) this.#socket.end('QUIT\r\n');
  }

  close(): void {
    this.#socket.destroy();
  }

  /** MAIL, RCPT and DATA in one packet; undefined when the server waits for the content. */
  async #announce({ reversePath, recipients }: Offer): Promise<OfferResult | undefined> {
    const commands = [`MAIL FROM:<${reversePath}>`, ...recipients.map((each) => `RCPT TO:<${each}>`), 'DATA'];
    try {
      this.#socket.write(`${commands.join('\r\n')}\r\n`);
      const replies: string[] = [];
      for (let count = 0; count < commands.length; count += 1) replies.push(await this.#reply());
      const wrong = replies.find((reply) => !/^[23]/.test(reply));
      if (wrong === undefined) return undefined;
      // With 354 the server waits for content whatever it said of a recipient: the connection is given up instead.
      this.close();
      return { kind: 'refused', reply: wrong, isAtDot: false };
    } catch (error) {
      return { kind: 'unsent', reason: String(error) };
    }
  }

  async #command(line: string): Promise<void> {
    this.#socket.write(`${line}\r\n`);
    await this.#expect('2');
  }

  async #expect(first: string): Promise<void> {
    const reply = await this.#reply();
    if (!reply.startsWith(first)) throw new Error(reply);
  }

  /** The next reply; of several lines the last. */
  async #reply(): Promise<string> {
    for (;;) {
      const found = /^\d{3} [^\r\n]*\r\n/m.exec(this.#text);
      if (found !== null) {
        this.#text = this.#text.slice(found.index + found[0].length);
        return found[0].trimEnd();
      }
      if (this.#end !== undefined) throw new Error(this.#end);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
