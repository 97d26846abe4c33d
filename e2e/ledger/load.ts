/**
 * The load: a few clients send the messages of a part over kept and fresh connections; what is refused is offered again, what is
 * unknown is not. They hold back while much is on its way, so that what is owed at the end can be delivered in time.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Book } from './book.ts';
import { MessageMaker, type PlannedMessage, planMessage } from './message-plan.ts';
import { Random } from './random.ts';
import { type OfferResult, SmtpSender } from './smtp-sender.ts';

/** What to send. */
export interface LoadOptions {
  readonly seed: string;
  readonly run: string;
  readonly messages: number;
  readonly clients: number;
  /** Recipients on their way beyond which the clients wait. */
  readonly mostPending: number;
  readonly book: Book;
  port(): number;
}

/** How it went. */
export interface LoadSummary {
  /** Offers that were refused or could not be made, and were made again. */
  readonly again: number;
  /** Slowest reply to the end of data that came, in milliseconds. */
  readonly slowestReplyMs: number;
}

const pauseMs = 150;
/** Messages per connection: 1 in every third, many in the others. */
const usesOf = [1, 4, 40] as const;

/** A load that runs. */
export class Load {
  readonly #options: LoadOptions;
  readonly #maker: MessageMaker;
  readonly #waiting: { readonly number: number; readonly attempt: number }[];
  #again = 0;
  #slowestReplyMs = 0;
  #inHand = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#maker = new MessageMaker(options.run);
    this.#waiting = Array.from({ length: options.messages }, (_, index) => ({
      number: options.messages - index,
      attempt: 1,
    }));
  }

  /** Messages that nobody has settled: neither accepted nor unknown. */
  get left(): number {
    return this.#waiting.length + this.#inHand;
  }

  /** Sends everything. */
  async run(): Promise<LoadSummary> {
    const clients = Array.from({ length: this.#options.clients }, (_, index) => this.#client(index));
    await Promise.all(clients);
    return { again: this.#again, slowestReplyMs: Math.round(this.#slowestReplyMs) };
  }

  async #client(index: number): Promise<void> {
    const random = new Random(`${this.#options.seed}/client ${index}`);
    while (this.left > 0) {
      if (this.#waiting.length === 0) await sleep(pauseMs);
      else await this.#useConnection(random.pick(usesOf));
    }
  }

  async #useConnection(uses: number): Promise<void> {
    let sender: SmtpSender;
    try {
      sender = await SmtpSender.open(this.#options.port());
    } catch {
      // Nobody listens, or the greeting says no: nothing was offered.
      await sleep(pauseMs);
      return;
    }
    for (let use = 0; use < uses && sender.isUsable; use += 1) {
      await this.#holdBack();
      const next = this.#waiting.pop();
      if (next === undefined) break;
      this.#inHand += 1;
      await this.#offer(sender, next);
      this.#inHand -= 1;
    }
    sender.quit();
  }

  async #holdBack(): Promise<void> {
    const { book, mostPending } = this.#options;
    while (book.pending.size > mostPending) await sleep(50);
  }

  async #offer(
    sender: SmtpSender,
    next: { readonly number: number; readonly attempt: number },
  ): Promise<void> {
    const planned = planMessage(this.#options.seed, next.number);
    const content = this.#maker.make(planned, next.attempt);
    const startedAt = performance.now();
    const result = await sender.offer({ ...planned, content });
    if (result.kind === 'accepted')
      this.#slowestReplyMs = Math.max(this.#slowestReplyMs, performance.now() - startedAt);
    this.#note(planned, next.attempt, result);
    if (result.kind === 'accepted' || result.kind === 'unknown') return;
    this.#again += 1;
    await sleep(pauseMs);
    this.#waiting.unshift({ number: next.number, attempt: next.attempt + 1 });
  }

  #note(planned: PlannedMessage, attempt: number, result: OfferResult): void {
    if (result.kind === 'unsent' || (result.kind === 'refused' && !result.isAtDot)) return;
    const queueId = result.kind === 'accepted' ? result.queueId : '-';
    const { number, recipients } = planned;
    const entry = { number, attempt, recipients, outcome: result.kind, queueId, atMs: Date.now() };
    this.#options.book.noteOffer(entry);
  }
}
