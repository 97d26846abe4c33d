/**
 * What is written and counted about one session as such: connect, disconnect, lost connections, handshakes. Knows the client's
 * name as soon as it is found: until then, and when there is none, it is `unknown`; the connect line waits for it, but no
 * longer than the first other line.
 */
import type { CloseReason } from '@railpost/smtp';
import {
  type ClientFields,
  connected,
  connectionLost,
  connectionRefused,
  disconnected,
  tlsFailed,
} from './events.ts';
import type { IngressContext } from './ingress-context.ts';
import { unknownName } from './reverse-name.ts';

/** How a session ended. */
export interface SessionEnd {
  readonly reason: CloseReason;
  readonly error: Error | undefined;
  /** Last command, for `lost connection after`. */
  readonly after: string;
  readonly commands: string;
}

/** The log of one session. */
export class SessionLog {
  readonly #context: IngressContext;
  readonly #listener: string;
  readonly #address: string;
  readonly #startedAtMs: number;
  #name: string | undefined;
  #pendingName: Promise<void> | undefined;
  #isConnectLogged = false;

  constructor(context: IngressContext, listener: string, address: string) {
    this.#context = context;
    this.#listener = listener;
    this.#address = address;
    this.#startedAtMs = context.clock.monotonicMs();
    this.#name = context.names.knownName(address);
    context.metrics.sessions.add(1, listener);
    if (this.#name === undefined) this.#pendingName = this.#findName();
    else this.#logConnect();
  }

  /** The client for log lines. */
  client(): ClientFields {
    this.#logConnect();
    return this.#fields();
  }

  /** The lookup of the name while it is under way. */
  pendingName(): Promise<void> | undefined {
    return this.#pendingName;
  }

  /** Counts a reply by its first digit. */
  countReply(digit: string): void {
    this.#context.metrics.replies.add(1, this.#listener, `${digit}xx`);
  }

  /** The client was refused at connect. */
  refused(text: string): void {
    this.#context.metrics.connections.add(1, this.#listener, 'refused');
    connectionRefused(this.#context.log, { ...this.client(), reply: text });
  }

  /** A handshake ended. */
  handshake(result: 'done' | 'failed'): void {
    this.#context.metrics.handshakes.inc({ listener: this.#listener, result });
  }

  /** The session ended. */
  closed(end: SessionEnd): void {
    const fields = this.client();
    this.#context.metrics.sessions.add(-1, this.#listener);
    this.#context.metrics.connections.add(1, this.#listener, end.reason);
    if (end.reason === 'tls-failed') {
      this.handshake('failed');
      tlsFailed(this.#context.log, { ...fields, error: end.error?.message ?? 'lost connection' });
    } else if (end.reason === 'lost' || end.reason === 'timeout') {
      const reason = end.reason === 'lost' ? 'lost connection' : 'timeout';
      connectionLost(this.#context.log, { ...fields, reason, after: end.after });
    }
    const sessionMs = Math.round(this.#context.clock.monotonicMs() - this.#startedAtMs);
    disconnected(this.#context.log, { ...fields, reason: end.reason, commands: end.commands, sessionMs });
  }

  async #findName(): Promise<void> {
    this.#name = await this.#context.names.find(this.#address);
    this.#pendingName = undefined;
    this.#logConnect();
  }

  #logConnect(): void {
    if (this.#isConnectLogged) return;
    this.#isConnectLogged = true;
    connected(this.#context.log, { ...this.#fields(), listener: this.#listener });
  }

  #fields(): ClientFields {
    return { client: this.#name ?? unknownName, address: this.#address };
  }
}
