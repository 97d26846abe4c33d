/**
 * One connection: reads commands, hands them to its handler, writes replies, streams content, keeps deadlines, and goes
 * over to TLS. Knows no SMTP verbs. Replies to pipelined commands leave in one write (RFC 2920 section 3.2); while a reaction is
 * under way, a receiver is slow or the client does not take its replies, reading stops with the first chunk that comes (a client that
 * waits for its reply sends none, and two system calls are saved), so a connection holds at most two chunks and one line. Deadlines are absolute times that the server's ticker looks at: no timer per connection.
 */
import type { Socket } from 'node:net';
import { type TLSSocketOptions, TLSSocket } from 'node:tls';
import { CommandInput } from './command-input.ts';
import { ContentDecoder } from './content-decoder.ts';
import {
  type CloseReason,
  type ContentReceiver,
  type Next,
  type Reaction,
  type SessionHandler,
  monotonicMs,
} from './handler.ts';

/** Gives the options of a handshake; asked for each one, so that reloaded certificates count at once. */
export type TlsOptionsSource = () => TLSSocketOptions;

/** What the session reads next. */
type Mode =
  | { readonly kind: 'command' }
  | Extract<Next, { kind: 'line' }>
  | {
      readonly kind: 'data';
      readonly receiver: ContentReceiver;
      readonly deadlineAt: number;
      readonly decoder: ContentDecoder;
    }
  | {
      readonly kind: 'chunk';
      readonly receiver: ContentReceiver;
      readonly deadlineAt: number;
      missingBytes: number;
    }
  | { readonly kind: 'handshake' }
  | { readonly kind: 'closing' };

/** One session. Made by the server; ends by itself. */
export class SmtpSession {
  readonly #handler: SessionHandler;
  readonly #tlsOptions: TlsOptionsSource;
  readonly #onEnd: () => void;
  readonly #input = new CommandInput();
  #socket: Socket;
  #mode: Mode = { kind: 'command' };
  #replies = '';
  #isWaiting = false;
  #isBlocked = false;
  #isDraining = false;
  #hasPeerEnded = false;
  #isClosed = false;
  #hasToldClosed = false;
  #deadlineAt = Number.POSITIVE_INFINITY;

  constructor(socket: Socket, handler: SessionHandler, tlsOptions: TlsOptionsSource, onEnd: () => void) {
    this.#socket = socket;
    this.#handler = handler;
    this.#tlsOptions = tlsOptions;
    this.#onEnd = onEnd;
    this.#listenTo(socket);
  }

  /** Begins: greets, or shakes hands first. */
  start(isImplicitTls: boolean): void {
    if (isImplicitTls) {
      this.#beginHandshake(true);
      return;
    }
    this.#await(() => this.#handler.open());
    if (!this.#isWaiting) this.#pump();
  }

  /** Called by the server's ticker. */
  checkDeadline(nowMs: number): void {
    if (nowMs < this.#deadlineAt || this.#isClosed) return;
    if (this.#mode.kind === 'handshake' || this.#mode.kind === 'closing' || this.#isBlocked) {
      this.#destroy('timeout');
      return;
    }
    this.#replies += this.#handler.timedOut();
    this.#finish('timeout');
  }

  /** Ends at the next command boundary: now, when the session waits for a command. */
  drain(): void {
    this.#isDraining = true;
    if (this.#mode.kind === 'handshake') this.#destroy('drained');
    else if (!this.#isWaiting && isBoundary(this.#mode)) this.#sayDraining();
  }

  /** Ends at once. */
  destroy(): void {
    this.#destroy('drained');
  }

  readonly #listeners = {
    data: (chunk: Uint8Array): void => this.#onData(chunk),
    end: (): void => this.#onEndOfInput(),
    drain: (): void => this.#onDrain(),
    close: (): void => this.#destroy(this.#lostReason()),
    error: (error: Error): void => this.#destroy(this.#lostReason(), error),
  };

  #listenTo(socket: Socket): void {
    for (const [event, listener] of Object.entries(this.#listeners)) socket.on(event, listener);
  }

  #lostReason(): CloseReason {
    return this.#mode.kind === 'handshake' ? 'tls-failed' : 'lost';
  }

  #onData(chunk: Uint8Array): void {
    if (this.#isClosed || this.#mode.kind === 'closing') return;
    this.#input.push(chunk);
    if (this.#isWaiting || this.#isBlocked) this.#socket.pause();
    else this.#pump();
  }

  #onEndOfInput(): void {
    this.#hasPeerEnded = true;
    if (!this.#isWaiting && !this.#isBlocked && this.#mode.kind !== 'closing')
      this.#destroy(this.#lostReason());
  }

  #onDrain(): void {
    if (!this.#isBlocked || this.#isClosed) return;
    this.#isBlocked = false;
    this.#armDeadline();
    if (!this.#isWaiting) this.#pump();
  }

  /** Works through what has been read until there is nothing left to do now. */
  #pump(): void {
    while (this.#canWork() && this.#step()) {
      /* each step does one thing */
    }
    this.#flush();
    if (this.#isClosed || this.#isWaiting || this.#isBlocked) return;
    if (this.#mode.kind === 'closing') return;
    if (this.#hasPeerEnded) this.#destroy(this.#lostReason());
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  #canWork(): boolean {
    return !this.#isClosed && !this.#isWaiting && !this.#isBlocked && this.#mode.kind !== 'closing';
  }

  /** Does one thing; false when more input is needed. */
  #step(): boolean {
    const mode = this.#mode;
    switch (mode.kind) {
      case 'command':
        return this.#stepCommand();
      case 'line':
        return this.#stepLine(mode);
      case 'data':
        return this.#stepData(mode);
      case 'chunk':
        return this.#stepChunk(mode);
      case 'handshake':
      case 'closing':
        return false;
    }
  }

  #stepCommand(): boolean {
    if (this.#isDraining) {
      this.#sayDraining();
      return false;
    }
    const result = this.#input.nextLine(this.#handler.lineLimitBytes);
    if (result.kind === 'none') return false;
    const hasMoreInput = !this.#input.isEmpty;
    this.#await(() =>
      result.kind === 'line'
        ? this.#handler.command(result.line, hasMoreInput)
        : this.#handler.overlongLine(),
    );
    return true;
  }

  #stepLine(mode: Extract<Mode, { kind: 'line' }>): boolean {
    const result = this.#input.nextLine(mode.limitBytes);
    if (result.kind === 'none') return false;
    this.#await(() => mode.receive(result.kind === 'line' ? result.line : undefined));
    return true;
  }

  #stepData(mode: Extract<Mode, { kind: 'data' }>): boolean {
    if (this.#input.isEmpty) return false;
    const chunk = this.#input.takeAll();
    const decoded = mode.decoder.decode(chunk);
    if (decoded.consumedBytes < chunk.length) this.#input.giveBack(chunk.subarray(decoded.consumedBytes));
    this.#armContentDeadline(mode.deadlineAt);
    const ended = decoded.isEnd
      ? () => mode.receiver.end({ hasBareLineFeed: mode.decoder.hasBareLineFeed })
      : undefined;
    this.#give(mode.receiver, decoded.slices, ended);
    return true;
  }

  #stepChunk(mode: Extract<Mode, { kind: 'chunk' }>): boolean {
    if (this.#input.isEmpty && mode.missingBytes > 0) return false;
    const all = this.#input.takeAll();
    const slice = all.subarray(0, mode.missingBytes);
    if (slice.length < all.length) this.#input.giveBack(all.subarray(slice.length));
    mode.missingBytes -= slice.length;
    this.#armContentDeadline(mode.deadlineAt);
    const ended = mode.missingBytes === 0 ? () => mode.receiver.end({ hasBareLineFeed: false }) : undefined;
    this.#give(mode.receiver, slice.length === 0 ? [] : [slice], ended);
    return true;
  }

  /** Writes slices to a receiver, in order; then tells it the end, if it is the end. */
  #give(
    receiver: ContentReceiver,
    slices: readonly Uint8Array[],
    ended: (() => Reaction | Promise<Reaction>) | undefined,
  ): void {
    for (const [index, slice] of slices.entries()) {
      const pressure = this.#write(receiver, slice);
      if (this.#isClosed || this.#mode.kind === 'closing') return;
      if (pressure === undefined) continue;
      const rest = slices.slice(index + 1);
      this.#wait(pressure, () => this.#give(receiver, rest, ended));
      return;
    }
    if (ended !== undefined) this.#await(ended);
  }

  #write(receiver: ContentReceiver, slice: Uint8Array): Promise<void> | undefined {
    try {
      return receiver.write(slice);
    } catch (error) {
      this.#fault(error);
      return undefined;
    }
  }

  /** Runs something of the handler and applies its reaction when it is there. */
  #await(run: () => Reaction | Promise<Reaction>): void {
    let reaction: Reaction | Promise<Reaction>;
    try {
      reaction = run();
    } catch (error) {
      this.#fault(error);
      return;
    }
    if (!(reaction instanceof Promise)) {
      this.#applyOrDelay(reaction);
      return;
    }
    this.#wait(reaction, (result) => this.#applyOrDelay(result));
  }

  /** Stops reading until the promise settles, then goes on. */
  #wait<Value>(promise: Promise<Value>, then: (value: Value) => void): void {
    this.#isWaiting = true;
    this.#deadlineAt = Number.POSITIVE_INFINITY;
    promise.then(
      (value) => {
        this.#isWaiting = false;
        if (this.#isClosed) return;
        this.#armDeadline();
        then(value);
        if (!this.#isWaiting) this.#pump();
      },
      (error: unknown) => {
        this.#isWaiting = false;
        this.#fault(error);
      },
    );
    this.#flush();
  }

  #applyOrDelay(reaction: Reaction): void {
    if (reaction.delayMs === undefined || reaction.delayMs <= 0) {
      this.#apply(reaction);
      return;
    }
    const pause = new Promise<void>((resolve) => {
      setTimeout(resolve, reaction.delayMs).unref();
    });
    this.#wait(pause, () => this.#apply(reaction));
  }

  #apply(reaction: Reaction): void {
    if (this.#isClosed) return;
    if (reaction.reply !== undefined) this.#replies += reaction.reply;
    this.#enter(reaction.next);
  }

  #enter(next: Next): void {
    switch (next.kind) {
      case 'command':
      case 'line':
        this.#mode = next;
        this.#armDeadline();
        return;
      case 'data':
        this.#mode = { ...next, decoder: new ContentDecoder(true) };
        this.#armContentDeadline(next.deadlineAt);
        return;
      case 'chunk': {
        const { receiver, deadlineAt, bytes } = next;
        this.#mode = { kind: 'chunk', receiver, deadlineAt, missingBytes: bytes };
        this.#armContentDeadline(deadlineAt);
        return;
      }
      case 'tls':
        this.#beginHandshake(false);
        return;
      case 'close':
        this.#finish('closed');
        return;
      case 'quit':
        this.#part();
    }
  }

  /** Sends what has been said since the last write. */
  #flush(): void {
    if (this.#replies === '' || this.#isClosed) return;
    const text = this.#replies;
    this.#replies = '';
    if (this.#socket.write(text, 'utf8')) return;
    this.#isBlocked = true;
    this.#deadlineAt = monotonicMs() + this.#handler.idleMs;
  }

  #armDeadline(): void {
    const mode = this.#mode;
    if (mode.kind === 'data' || mode.kind === 'chunk') this.#armContentDeadline(mode.deadlineAt);
    else this.#deadlineAt = monotonicMs() + this.#handler.idleMs;
  }

  #armContentDeadline(messageDeadlineAt: number): void {
    this.#deadlineAt = Math.min(monotonicMs() + this.#handler.idleMs, messageDeadlineAt);
  }

  #beginHandshake(isImplicit: boolean): void {
    this.#flush();
    this.#mode = { kind: 'handshake' };
    this.#deadlineAt = monotonicMs() + this.#handler.idleMs;
    // Whatever came in plaintext after STARTTLS must not be taken for something said under TLS.
    this.#input.clear();
    const plain = this.#socket;
    // Its errors stay ours; all else is now the TLS socket's business.
    for (const event of ['data', 'end', 'drain', 'close'] as const) plain.off(event, this.#listeners[event]);
    this.#isBlocked = false;
    const secure = new TLSSocket(plain, { ...this.#tlsOptions(), isServer: true });
    this.#socket = secure;
    this.#listenTo(secure);
    secure.once('secure', () => this.#onSecure(secure, isImplicit));
  }

  #onSecure(secure: TLSSocket, isImplicit: boolean): void {
    if (this.#isClosed) return;
    const cipher = secure.getCipher();
    this.#mode = { kind: 'command' };
    this.#handler.secured({
      protocol: secure.getProtocol() ?? 'unknown',
      cipher: cipher.name,
      bits: keyBits(cipher.name),
    });
    this.#armDeadline();
    if (isImplicit) this.#await(() => this.#handler.open());
    if (!this.#isWaiting) this.#pump();
  }

  #sayDraining(): void {
    this.#replies += this.#handler.draining();
    this.#finish('drained');
  }

  #fault(error: unknown): void {
    if (this.#isClosed) return;
    this.#replies += this.#handler.fault(error);
    this.#finish('fault');
  }

  /** Closes at once when the last words are with the kernel and nothing that came is unread. */
  #part(): void {
    this.#flush();
    const isAllSaid = this.#socket.writableLength === 0 && !(this.#socket instanceof TLSSocket);
    if (isAllSaid && this.#input.isEmpty) this.#destroy('closed');
    else this.#finish('closed');
  }

  /** Sends the last words and closes; the peer has a while to read them. */
  #finish(reason: CloseReason): void {
    if (this.#isClosed) return;
    this.#flush();
    this.#mode = { kind: 'closing' };
    this.#deadlineAt = monotonicMs() + lastWordsMs;
    this.#isBlocked = false;
    this.#socket.end();
    // Read on, and drop: unread input would turn our close into a reset, which may overtake the last reply.
    this.#socket.resume();
    this.#tellClosed(reason);
  }

  #destroy(reason: CloseReason, error?: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.destroy();
    this.#tellClosed(reason, error);
    this.#onEnd();
  }

  #tellClosed(reason: CloseReason, error?: Error): void {
    if (this.#hasToldClosed) return;
    this.#hasToldClosed = true;
    this.#handler.closed(reason, error);
  }
}

/** How long a peer may take to read the last reply before the connection is cut. */
const lastWordsMs = 2000;

function isBoundary(mode: Mode): boolean {
  return mode.kind === 'command' || mode.kind === 'line';
}

/** Secret bits of a cipher suite by its name; for the Received field. */
function keyBits(name: string): number | undefined {
  if (/CHACHA20|AES_?256/.test(name)) return 256;
  return /AES_?128/.test(name) ? 128 : undefined;
}
