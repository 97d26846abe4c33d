/**
 * Pulls a durable consumer for ever: survives restarts of the server, leader changes and the deletion of the stream. The
 * pull options are those that recover in seconds; with the client's defaults a lost consumer leader stalls it for half a
 * minute. Messages in hand are kept from redelivery by `working()` every third of ack_wait until they are acked or naked.
 * There is no order and no bound but the consumer's max_ack_pending; duplicates are possible at any time.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConsumerMessages, JsMsg } from '@nats-io/jetstream';
import type { MsgHdrs } from '@nats-io/transport-node';
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
  /** Called for each message, not awaited; a throw or rejection naks the message with 1 s delay. */
  readonly onMessage: (message: BusMessage) => void | Promise<void>;
  /** Called when pulling failed and is tried again. */
  readonly onProblem?: (error: unknown) => void;
}

/** A message in hand. */
export interface BusMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: MsgHdrs | undefined;
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
  /** Messages neither acked nor naked. */
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
  readonly #inHand = new Map<JsMsg, HeldMessage>();
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
    if (options.nak === true) for (const held of [...this.#inHand.values()]) held.nak();
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
    const held = new HeldMessage(message, () => this.#inHand.delete(message));
    this.#inHand.set(message, held);
    void this.#handle(held);
  }

  async #handle(held: HeldMessage): Promise<void> {
    try {
      await this.#options.onMessage(held);
    } catch (error) {
      this.#options.onProblem?.(error);
      held.nak(1000);
    }
  }

  #sayWorking(): void {
    for (const message of this.#inHand.keys()) message.working();
  }
}

class HeldMessage implements BusMessage {
  readonly #message: JsMsg;
  readonly #release: () => void;

  constructor(message: JsMsg, release: () => void) {
    this.#message = message;
    this.#release = release;
  }

  get subject(): string {
    return this.#message.subject;
  }
  get data(): Uint8Array {
    return this.#message.data;
  }
  get headers(): MsgHdrs | undefined {
    return this.#message.headers;
  }
  get sequence(): number {
    return this.#message.seq;
  }
  get deliveryCount(): number {
    return this.#message.info.deliveryCount;
  }
  get storedAtMs(): number {
    return Math.floor(this.#message.info.timestampNanos / 1e6);
  }

  ack(): void {
    this.#release();
    this.#message.ack();
  }

  nak(delayMs?: number): void {
    this.#release();
    this.#message.nak(delayMs === undefined ? undefined : Math.round(delayMs));
  }

  working(): void {
    this.#message.working();
  }

  forget(): void {
    this.#release();
  }
}
