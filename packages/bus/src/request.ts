/**
 * Core request and reply, which nothing stores: dispatches, outcomes, control. What an asker needs to know about a missing
 * answer is only whether anybody can have got the question.
 */
import type { Bus } from './bus.ts';

/** The answer's payload; `absent`: nobody listens; `unknown`: somebody may have got it, no answer in time. */
export type Answer = Uint8Array | 'absent' | 'unknown';

/** Asks whoever listens on the subject. Never rejects. */
export async function ask(
  bus: Bus,
  subject: string,
  payload: Uint8Array,
  timeoutMs: number,
): Promise<Answer> {
  try {
    const reply = await bus.inbox.request({ subject, payload }, timeoutMs);
    if (typeof reply === 'string') return reply;
    bus.noteAnswer();
    return reply.data;
  } catch {
    // The bus was closed, or the question is larger than NATS takes.
    return 'unknown';
  }
}

/** Settings of a listener. */
export interface ListenOptions {
  /** Queue group: each request goes to one member. */
  readonly group?: string;
  /** Called when the handler threw; the asker gets no answer and asks again. */
  readonly onProblem?: (error: unknown) => void;
}

/** A listener. */
export interface Listener {
  stop(): void;
}

/** Calls the handler for each message; what it returns is the answer, undefined is none. */
export function listen(
  bus: Bus,
  subject: string,
  handler: (payload: Uint8Array) => Promise<Uint8Array | undefined> | undefined,
  options: ListenOptions = {},
): Listener {
  const subscription = bus.connection.subscribe(subject, {
    ...(options.group === undefined ? {} : { queue: options.group }),
    callback: (error, message) => {
      if (error !== null) return options.onProblem?.(error);
      bus.noteAnswer();
      void answer(message);
    },
  });

  async function answer(message: { data: Uint8Array; respond(payload: Uint8Array): boolean }): Promise<void> {
    try {
      const payload = await handler(message.data);
      if (payload !== undefined && !bus.connection.isClosed()) message.respond(payload);
    } catch (error) {
      options.onProblem?.(error);
    }
  }

  return { stop: () => subscription.unsubscribe() };
}

/** Publishes to whoever listens now; stored nowhere. Resolves when the server has it or the connection is lost. */
export async function announce(bus: Bus, subject: string, payload: Uint8Array): Promise<void> {
  bus.connection.publish(subject, payload);
  await bus.connection.flush();
}
