/**
 * Requests and publishes that wait for an answer, over one subscription of our own: a map of waiters and one timer for all of them.
 * The client library makes two errors with stack traces, a race of promises and a timer for each request that is answered, which cost
 * more than the request. What is missing is a value here, never an exception; deadlines are kept to {@link sweepMs}.
 */
import {
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type Subscription,
  createInbox,
} from '@nats-io/transport-node';

/** Deadlines are looked at so often. */
const sweepMs = 25;
/** Status of the server's own answer to a question that nobody listens to. */
const noRespondersCode = 503;

/** The answer; `absent`: nobody listens on the subject; `unknown`: somebody may have got the question, no answer in time. */
export type InboxAnswer = Msg | 'absent' | 'unknown';

/** What is sent. */
export interface InboxRequest {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers?: MsgHdrs;
}

interface Waiter {
  readonly deadlineMs: number;
  readonly resolve: (answer: InboxAnswer) => void;
}

/** The inbox of one connection. */
export class Inbox {
  readonly #connection: NatsConnection;
  readonly #prefix: string;
  readonly #waiters = new Map<string, Waiter>();
  #subscription: Subscription | undefined;
  #sent = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(connection: NatsConnection) {
    this.#connection = connection;
    this.#prefix = `${createInbox()}.`;
    void connection.closed().then(() => this.#giveUp());
  }

  /** Sends, and waits for the first answer. @throws the client's errors when it was not sent: closed, or too large */
  request(request: InboxRequest, timeoutMs: number): Promise<InboxAnswer> {
    // Closed by the server when it took the permission away.
    if (this.#subscription?.isClosed() !== false) this.#subscription = this.#subscribe();
    this.#sent += 1;
    const token = this.#sent.toString(36);
    const { headers } = request;
    const options = { reply: this.#prefix + token, ...(headers === undefined ? {} : { headers }) };
    return new Promise((resolve, reject) => {
      try {
        this.#connection.publish(request.subject, request.payload, options);
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
        return;
      }
      this.#waiters.set(token, { deadlineMs: performance.now() + timeoutMs, resolve });
      this.#timer ??= setTimeout(() => this.#sweep(), sweepMs);
    });
  }

  #subscribe(): Subscription {
    return this.#connection.subscribe(`${this.#prefix}*`, {
      callback: (error, message) => {
        // Of the subscription itself, a missing permission: the waiters' deadlines tell.
        if (error !== null) return;
        const token = message.subject.slice(this.#prefix.length);
        const waiter = this.#waiters.get(token);
        if (waiter === undefined) return;
        this.#waiters.delete(token);
        waiter.resolve(isFromNobody(message) ? 'absent' : message);
      },
    });
  }

  #sweep(): void {
    this.#timer = undefined;
    const nowMs = performance.now();
    for (const [token, waiter] of this.#waiters) {
      if (waiter.deadlineMs > nowMs) continue;
      this.#waiters.delete(token);
      waiter.resolve('unknown');
    }
    if (this.#waiters.size > 0) this.#timer = setTimeout(() => this.#sweep(), sweepMs);
  }

  #giveUp(): void {
    clearTimeout(this.#timer);
    for (const waiter of this.#waiters.values()) waiter.resolve('unknown');
    this.#waiters.clear();
  }
}

function isFromNobody(message: Msg): boolean {
  return message.data.length === 0 && message.headers?.code === noRespondersCode;
}
