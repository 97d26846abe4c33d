/**
 * One SMTP session: gives each command to the dialogue, carries out what the step asks for, counts errors, logs. The only
 * place between the pure dialogue and the engine. An exception of ours in a command is 451 4.3.0 and logged; the session
 * goes on.
 */
import type { ClientFacts } from '@railpost/mail';
import {
  type CloseReason,
  type ConnectionFacts,
  type Next,
  type Reaction,
  type SessionHandler,
  type HandshakeFacts,
  monotonicMs,
} from '@railpost/smtp';
import { whyNotNow } from './accept.ts';
import { AuthExchange } from './auth-exchange.ts';
import { CommandCounts } from './command-counts.ts';
import { afterRefusedChunk } from './dialogue/bdat.ts';
import { dispatch } from './dialogue/commands.ts';
import { secured } from './dialogue/starttls.ts';
import type { DialogueFacts, Effect, Step } from './dialogue/step.ts';
import { ErrorBudget } from './error-budget.ts';
import { accepted, commandRefused, improperPipelining, sessionFault } from './events.ts';
import type { IngressContext, ListenerContext } from './ingress-context.ts';
import { MessageInHand, chunkReceiver, dataReceiver, droppingReceiver } from './message.ts';
import { SessionLog } from './session-log.ts';
import { type SessionState, newSession, protocolName, withoutTransaction } from './session-state.ts';
import { type StatusName, type StatusValues, ehloReply, reply, replyText } from './statuses.ts';

const nextCommand: Next = { kind: 'command' };

/** The handler of one connection. */
export class IngressSession implements SessionHandler {
  readonly #context: IngressContext;
  readonly #listener: ListenerContext;
  readonly #connection: ConnectionFacts;
  readonly #hostname: string;
  readonly #refusal: StatusName | undefined;
  readonly #counts = new CommandCounts();
  readonly #errors: ErrorBudget;
  readonly #log: SessionLog;
  #state: SessionState = newSession;
  #message: MessageInHand | undefined;
  #verb = 'CONNECT';

  constructor(context: IngressContext, listener: ListenerContext, connection: ConnectionFacts) {
    this.#context = context;
    this.#listener = listener;
    this.#connection = connection;
    this.#hostname = context.currentConfiguration().platform.hostname;
    this.#errors = new ErrorBudget(listener.settings.limits.errors);
    this.#log = new SessionLog(context, listener.settings.name, connection.remoteAddress);
    this.#refusal = context.gate.enter(connection.remoteAddress, listener.settings, listener.networks);
  }

  get idleMs(): number {
    return this.#listener.settings.timeouts.idleMs;
  }

  get lineLimitBytes(): number {
    return this.#listener.settings.limits.lineLengthBytes;
  }

  open(): Reaction {
    if (this.#refusal !== undefined) {
      const { client, address } = this.#log.client();
      const values = { hostname: this.#hostname, address, client: `${client}[${address}]` };
      this.#log.refused(replyText(this.#refusal, values));
      return this.#say(reply(this.#refusal, values), { kind: 'close' });
    }
    return this.#say(reply('greeting', { hostname: this.#hostname }), nextCommand);
  }

  command(line: Uint8Array, hasMoreInput: boolean): Reaction | Promise<Reaction> {
    try {
      const { step, verb, isJunk } = dispatch(this.#state, line, hasMoreInput, this.#dialogueFacts());
      this.#verb = verb.toUpperCase();
      if (isJunk) this.#errors.noteJunk();
      if (step.effect?.kind !== 'authenticate') this.#counts.add(verb, step.isError);
      this.#logRefusal(step);
      this.#state = step.state;
      return this.#carryOut(step);
    } catch (error) {
      return this.#commandFault(error);
    }
  }

  overlongLine(): Reaction {
    this.#counts.add('unknown', true);
    return this.#answer('lineTooLong', { isError: true });
  }

  secured(facts: HandshakeFacts): void {
    this.#log.handshake('done');
    this.#dropMessage();
    this.#state = secured(facts);
  }

  timedOut(): string {
    return this.#counted(reply('timeout', { hostname: this.#hostname }));
  }

  draining(): string {
    return this.#counted(reply('draining', { hostname: this.#hostname }));
  }

  fault(error: unknown): string {
    this.#logFault(error);
    return this.#counted(reply('sessionFault', { hostname: this.#hostname }));
  }

  closed(reason: CloseReason, error?: Error): void {
    const bytes = this.#message?.content.receivedBytes;
    const after = bytes === undefined ? this.#verb : `${this.#verb} (${bytes} bytes)`;
    this.#dropMessage();
    this.#context.gate.leave(this.#connection.remoteAddress, this.#listener.settings);
    this.#log.closed({ reason, error, after, commands: this.#counts.format() });
  }

  #dialogueFacts(): DialogueFacts {
    const snapshot = this.#context.currentConfiguration();
    return {
      listener: this.#listener.settings,
      platform: snapshot.platform,
      verifyRecipient: (address, sender) => snapshot.verifyRecipient(address, sender),
    };
  }

  #carryOut(step: Step): Reaction | Promise<Reaction> {
    const { effect } = step;
    if (effect === undefined) return this.#react(this.#replyOf(step), step.isError, nextCommand);
    switch (effect.kind) {
      case 'close':
      case 'quit':
      case 'tls':
        return this.#react(this.#replyOf(step), step.isError, { kind: effect.kind });
      case 'authenticate':
        return this.#authenticate(effect);
      case 'receive':
        return this.#whenNamed(() => this.#receive());
      case 'chunk':
        return this.#whenNamed(() => this.#takeChunk(effect));
      case 'discard':
        this.#dropMessage();
        return this.#discard(effect.bytes, this.#replyOf(step));
    }
  }

  #replyOf(step: Step): string {
    const { reply: said } = step;
    if (said === undefined) return '';
    if (said.keywords !== undefined) return ehloReply(this.#hostname, said.keywords);
    return reply(said.status, said.values);
  }

  /** Received needs the client's name: the lookup that began with the session is given its rest of two seconds. */
  #whenNamed(run: () => Reaction): Reaction | Promise<Reaction> {
    const pending = this.#log.pendingName();
    return pending === undefined ? run() : pending.then(run);
  }

  #receive(): Reaction {
    const { transaction } = this.#state;
    const refusal = whyNotNow(this.#context.accept);
    if (refusal !== undefined || transaction === undefined) return this.#answer(refusal ?? 'needRcpt', {});
    const message = this.#beginMessage(transaction);
    const receiver = dataReceiver(message, () => this.#finish(message, 'data'));
    return this.#say(reply('startData'), { kind: 'data', receiver, deadlineAt: message.facts.deadlineAt });
  }

  #takeChunk({ bytes, isLast }: Extract<Effect, { kind: 'chunk' }>): Reaction {
    const { transaction } = this.#state;
    const refusal = this.#message === undefined ? whyNotNow(this.#context.accept) : this.#chunkProblem(bytes);
    if (refusal !== undefined || transaction === undefined) {
      this.#dropMessage();
      this.#state = afterRefusedChunk(this.#state, isLast);
      return this.#discard(bytes, reply(refusal ?? 'needRcpt'));
    }
    const message = this.#message ?? this.#beginMessage(transaction);
    const receiver = chunkReceiver(message, isLast, () =>
      isLast ? this.#finish(message, 'bdat') : this.#chunkTaken(message, bytes),
    );
    return this.#say(undefined, { kind: 'chunk', bytes, receiver, deadlineAt: message.facts.deadlineAt });
  }

  #chunkProblem(bytes: number): StatusName | undefined {
    const limit = this.#listener.settings.limits.messageSizeBytes;
    const taken = this.#message?.content.receivedBytes ?? 0;
    return limit > 0 && taken + bytes > limit ? 'chunkTooLarge' : undefined;
  }

  #chunkTaken(message: MessageInHand, bytes: number): Reaction {
    const { failure } = message.content;
    if (failure === undefined) return this.#answer('chunkTaken', { values: { bytes } });
    this.#message = undefined;
    this.#state = afterRefusedChunk(this.#state, false);
    return this.#answer(failure, { isError: true, values: { hostname: this.#hostname } });
  }

  #discard(bytes: number, text: string): Reaction {
    const receiver = droppingReceiver(() => this.#react(text, true, nextCommand));
    const deadlineAt = monotonicMs() + this.#listener.settings.timeouts.messageMs;
    return this.#say(undefined, { kind: 'chunk', bytes, receiver, deadlineAt });
  }

  #beginMessage(transaction: NonNullable<SessionState['transaction']>): MessageInHand {
    const { platform } = this.#context.currentConfiguration();
    const message = new MessageInHand(this.#context, this.#listener, {
      transaction,
      client: this.#clientFacts(),
      hostname: platform.hostname,
      isBareNewlineRefused: platform.bareNewline === 'Reject',
      deadlineAt: monotonicMs() + this.#listener.settings.timeouts.messageMs,
    });
    this.#message = message;
    return message;
  }

  #clientFacts(): ClientFacts {
    const { tls, login, helo } = this.#state;
    return {
      listener: this.#listener.settings.name,
      role: this.#listener.settings.role,
      address: this.#connection.remoteAddress,
      port: this.#connection.remotePort,
      name: this.#log.client().client,
      helo: helo ?? '',
      protocol: protocolName(this.#state),
      ...(tls === undefined ? {} : { tls: { protocol: tls.protocol, cipher: tls.cipher } }),
      ...(login === undefined ? {} : { login: login.name }),
    };
  }

  /** The content is complete: accept it, and say so. */
  async #finish(message: MessageInHand, kind: 'data' | 'bdat'): Promise<Reaction> {
    const startedAtMs = this.#context.clock.monotonicMs();
    try {
      const acceptance = await message.accept();
      this.#context.metrics.acceptSeconds.observe((this.#context.clock.monotonicMs() - startedAtMs) / 1000);
      this.#noteTransaction(acceptance.kind);
      if (acceptance.kind === 'silent') return this.#say(undefined, { kind: 'close' });
      if (acceptance.kind === 'refused') return this.#refuseMessage(message, acceptance.status);
      this.#logAccepted(message);
      this.#errors.forgive();
      setImmediate(() => this.#context.crashPoint('ingress.250-written'));
      const values = { queueId: message.queueId, bytes: message.content.receivedBytes };
      return this.#answer(kind === 'data' ? 'queued' : 'chunksQueued', { values });
    } catch (error) {
      message.abort();
      return this.#commandFault(error);
    } finally {
      this.#message = undefined;
      this.#state = withoutTransaction(this.#state);
    }
  }

  #refuseMessage(message: MessageInHand, status: StatusName): Reaction {
    const values = { hostname: this.#hostname };
    const { transaction } = message.facts;
    this.#emitRefusal('END-OF-MESSAGE', replyText(status, values), {
      reversePath: transaction.reversePath,
      recipient: transaction.recipients[0]?.address,
    });
    return this.#answer(status, { isError: true, values });
  }

  #authenticate({
    mechanism,
    initial,
  }: Extract<Effect, { kind: 'authenticate' }>): Reaction | Promise<Reaction> {
    const exchange = new AuthExchange(mechanism, {
      context: this.#context,
      client: () => this.#log.client(),
      onSuccess: (login) => {
        this.#state = { ...this.#state, login: { name: login, mechanism } };
      },
      answer: (status, isError) => {
        this.#counts.add('auth', isError);
        return this.#answer(status, { isError });
      },
      say: (text, next) => this.#say(text, next),
    });
    return exchange.begin(initial);
  }

  #answer(
    status: StatusName,
    { isError = false, values }: { readonly isError?: boolean; readonly values?: StatusValues },
  ): Reaction {
    return this.#react(reply(status, values), isError, nextCommand);
  }

  /** A reply, its weight, and what comes after it. Too many errors end the session (Postfix smtpd_hard_error_limit). */
  #react(text: string, isError: boolean, next: Next): Reaction {
    if (isError) this.#errors.note();
    const delayMs = this.#errors.delayMs;
    if (this.#errors.isSpent && next.kind !== 'close') {
      const last = reply('tooManyErrors', { hostname: this.#hostname });
      return { ...this.#say(text + last, { kind: 'close' }), delayMs };
    }
    return delayMs === 0 ? this.#say(text, next) : { ...this.#say(text, next), delayMs };
  }

  #say(text: string | undefined, next: Next): Reaction {
    return { reply: text === undefined ? undefined : this.#counted(text), next };
  }

  #counted(text: string): string {
    this.#log.countReply(text.charAt(0));
    return text;
  }

  #dropMessage(): void {
    this.#message?.abort();
    this.#message = undefined;
  }

  #commandFault(error: unknown): Reaction {
    this.#logFault(error);
    return this.#answer('commandFault', { isError: true });
  }

  #logFault(error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    sessionFault(this.#context.log, { ...this.#log.client(), command: this.#verb, error: text });
  }

  #logRefusal(step: Step): void {
    if (step.reply === undefined || !step.isError) return;
    if (step.reply.status === 'synchronization') {
      improperPipelining(this.#context.log, { ...this.#log.client(), after: this.#verb });
    }
    const isPolicy = step.refusedRecipient !== undefined || policyRefusals.has(step.reply.status);
    if (!isPolicy) return;
    this.#emitRefusal(this.#verb, replyText(step.reply.status, step.reply.values), {
      reversePath: this.#state.transaction?.reversePath,
      recipient: step.refusedRecipient,
    });
  }

  #emitRefusal(
    command: string,
    text: string,
    about: { readonly reversePath: string | undefined; readonly recipient: string | undefined },
  ): void {
    commandRefused(this.#context.log, {
      ...this.#log.client(),
      command,
      reply: text,
      ...about,
      protocol: this.#state.isEsmtp ? 'ESMTP' : 'SMTP',
      helo: this.#state.helo ?? '',
    });
  }

  #logAccepted(message: MessageInHand): void {
    const { login } = this.#state;
    this.#context.metrics.contentBytes.add(message.content.storedBytes, this.#listener.settings.name);
    accepted(this.#context.log, {
      ...this.#log.client(),
      queueId: message.queueId,
      login: login?.name,
      mechanism: login?.mechanism,
      bytes: message.content.storedBytes,
      recipients: message.facts.transaction.recipients.length,
      traceparent: message.traceparent,
    });
  }

  #noteTransaction(result: string): void {
    this.#context.metrics.transactions.add(1, this.#listener.settings.name, result);
  }
}

/** Refusals without a recipient that are policy, not a mistake in the dialogue. */
const policyRefusals: ReadonlySet<StatusName> = new Set([
  'needStartTls',
  'needAuthentication',
  'sizeExceeds',
  'relayDenied',
]);
