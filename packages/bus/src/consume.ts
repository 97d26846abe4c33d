/**
 * Pulls a durable consumer for ever: survives restarts of the server, leader changes and the deletion of the stream. The
 * pull options are those that recover in seconds; with the client's defaults a lost consumer leader stalls it for half a
 * minute. Messages in hand are kept from redelivery by `working()` every third of ack_wait until they are acked or naked.
 * There is no order and no bound but the consumer's max_ack_pending; duplicates are possible at any time.
 *
 * The records of a bundle come one by one. Their bus message is acknowledged when the last of them is; if one was naked, the
 * whole bundle comes again once all are settled, those too that were acked.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConsumerMessages, JsMsg } from '@nats-io/jetstream';
import { unbundle } from '@railpost/contracts';
import type { Bus } from './bus.ts';

/** What to consume and how. */
export interface ConsumeOptions {
  readonly stream: string;
  /** Durable name. */
  readonly consumer: string;
  /** Messages requested ahead. @default 500 */
  readonly maxMessages?: number;
  /** The consumer's ack_wait. @default 30000 */
  readonly ackWaitMs?: number;
  /** Stops the pulling, as {@link Consumption.stop} does. */
  readonly signal?: AbortSignal;
  /** Called for each message, those of a bundle one after the other in one turn of the event loop; not awaited; a throw or rejection naks the message with 1 s delay. */
  readonly onMessage: (message: BusMessage) => void | Promise<void>;
  /** Called when pulling failed and is tried again. */
  readonly onProblem?: (error: unknown) => void;
}

/** A message in hand. */
export interface BusMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  /** Of the stream; the records of a bundle share it. */
  readonly sequence: number;
  /** 1 at first delivery. */
  readonly deliveryCount: number;
  /** When the stream stored it, milliseconds since the epoch. */
  readonly storedAtMs: number;
  ack(): void;
  /** Asks for redelivery after `delayMs`, rounded to whole milliseconds (a fraction would mean at once). */
  nak(delayMs?: number): void;
  working(): void;
  /** Lets go without a word: another delivery of the same message has taken its place. */
  forget(): void;
}

/** A running consumption. */
export interface Consumption {
  /** Bus messages neither acked nor naked. */
  readonly inHand: number;
  /**
   * Stops pulling. `nak` true gives back at once what is in hand; else it stays in hand, is no longer kept alive, and may
   * still be acked.
   */
  stop(options?: { readonly nak?: boolean }): Promise<void>;
}

const pullExpiresMs = 5000;
const idleHeartbeatMs = 500;
const reopenMs = 500;

/** Starts consuming. Resolves at once; the first pull happens in the background. */
export function consume(bus: Bus, options: ConsumeOptions): Promise<Consumption> {
  const consumption = new PullConsumption(bus, options);
  void consumption.run();
  return Promise.resolve(consumption);
}

class PullConsumption implements Consumption {
  readonly #bus: Bus;
  readonly #options: ConsumeOptions;
  readonly #inHand = new Set<Delivery>();
  readonly #keepAlive: NodeJS.Timeout;
  #messages: ConsumerMessages | undefined;
  #isStopped = false;

  constructor(bus: Bus, options: ConsumeOptions) {
    this.#bus = bus;
    this.#options = options;
    const everyMs = Math.max(100, Math.floor((options.ackWaitMs ?? 30_000) / 3));
    this.#keepAlive = setInterval(() => this.#sayWorking(), everyMs);
    options.signal?.addEventListener('abort', () => void this.stop(), { once: true });
    if (options.signal?.aborted === true) void this.stop();
  }

  get inHand(): number {
    return this.#inHand.size;
  }

  async stop(options: { readonly nak?: boolean } = {}): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#keepAlive);
    await this.#messages?.close();
    if (options.nak === true) for (const delivery of [...this.#inHand]) delivery.giveBack();
  }

  async run(): Promise<void> {
    while (!this.#isStopped && !this.#bus.connection.isClosed()) {
      try {
        await this.#pullUntilBroken();
      } catch (error) {
        if (!this.#isStopped) this.#options.onProblem?.(error);
      }
      if (!this.#isStopped) await sleep(reopenMs);
    }
  }

  async #pullUntilBroken(): Promise<void> {
    const { stream, consumer, maxMessages } = this.#options;
    const source = await this.#bus.jetstream.consumers.get(stream, consumer);
    if (this.#isStopped) return;
    const messages = await source.consume({
      max_messages: maxMessages ?? 500,
      expires: pullExpiresMs,
      idle_heartbeat: idleHeartbeatMs,
      bind: true,
      abort_on_missing_resource: true,
      callback: (message) => this.#take(message),
    });
    this.#messages = messages;
    const broken = await messages.closed();
    if (broken instanceof Error) throw broken;
  }

  #take(message: JsMsg): void {
    if (this.#isStopped) return;
    this.#bus.noteAnswer();
    const records = unbundle(message.subject, message.data);
    const delivery = new Delivery(message, records.length, () => this.#inHand.delete(delivery));
    this.#inHand.add(delivery);
    for (const { subject, payload } of records) this.#handle(new HeldMessage(delivery, subject, payload));
  }

  #handle(held: HeldMessage): void {
    const refuse = (error: unknown) => {
      this.#options.onProblem?.(error);
      held.nak(1000);
    };
    try {
      const handled = this.#options.onMessage(held);
      if (handled !== undefined) void handled.catch(refuse);
    } catch (error) {
      refuse(error);
    }
  }

  #sayWorking(): void {
    for (const delivery of this.#inHand) delivery.message.working();
  }
}

/** How a record was let go of; the strongest word of a bundle's records decides for their bus message. */
type Release = 'acked' | 'forgotten' | 'naked';

/** One delivery of a bus message, settled when all its records are. */
class Delivery {
  readonly message: JsMsg;
  readonly deliveryCount: number;
  readonly storedAtMs: number;
  readonly #onSettled: () => void;
  #unsettled: number;
  #outcome: Release = 'acked';
  #nakDelayMs: number | undefined;

  constructor(message: JsMsg, records: number, onSettled: () => void) {
    const { deliveryCount, timestampNanos } = message.info;
    this.message = message;
    this.deliveryCount = deliveryCount;
    this.storedAtMs = Math.floor(timestampNanos / 1e6);
    this.#unsettled = records;
    this.#onSettled = onSettled;
  }

  settle(release: Release, nakDelayMs?: number): void {
    if (release === 'naked') {
      this.#outcome = 'naked';
      this.#nakDelayMs = Math.max(this.#nakDelayMs ?? 0, nakDelayMs ?? 0);
    } else if (release === 'forgotten' && this.#outcome === 'acked') this.#outcome = 'forgotten';
    this.#unsettled -= 1;
    if (this.#unsettled === 0) this.#end();
  }

  /** Naks it whatever is still in hand. */
  giveBack(): void {
    this.#unsettled = 0;
    this.#onSettled();
    this.message.nak();
  }

  #end(): void {
    this.#onSettled();
    if (this.#outcome === 'acked') this.message.ack();
    else if (this.#outcome === 'naked') {
      const delayMs = this.#nakDelayMs ?? 0;
      this.message.nak(delayMs === 0 ? undefined : Math.round(delayMs));
    }
  }
}

/** One record; only the first word about it counts. */
class HeldMessage implements BusMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly #delivery: Delivery;
  #isSettled = false;

  constructor(delivery: Delivery, subject: string, data: Uint8Array) {
    this.#delivery = delivery;
    this.subject = subject;
    this.data = data;
  }

  get sequence(): number {
    return this.#delivery.message.seq;
  }
  get deliveryCount(): number {
    return this.#delivery.deliveryCount;
  }
  get storedAtMs(): number {
    return this.#delivery.storedAtMs;
  }

  ack(): void {
    this.#settle('acked');
  }

  nak(delayMs?: number): void {
    this.#settle('naked', delayMs);
  }

  working(): void {
    this.#delivery.message.working();
  }

  forget(): void {
    this.#settle('forgotten');
  }

  #settle(release: Release, nakDelayMs?: number): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#delivery.settle(release, nakDelayMs);
  }
}
