/**
 * The connection to NATS of one process and its health (durability rule 1): connected, an answer younger than 2 s, and
 * every server whose monitor answered has version >= 2.15.1 and `sync_always: true`. Waits for the first connection for
 * ever and reconnects for ever; what is wrong meanwhile stands in `health()`.
 */
import { readFileSync } from 'node:fs';
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import { type NatsConnection, connect, usernamePasswordAuthenticator } from '@nats-io/transport-node';
import { type BusNames, busNames } from '@railpost/contracts';
import { FastLane } from './fast-lane.ts';
import { Inbox } from './inbox.ts';
import { type ServerCheck, openServerCheck } from './server-check.ts';

/** How to reach NATS. */
export interface BusOptions {
  readonly servers: readonly string[];
  /** HTTP monitor URLs of all servers, `http://host:8222`. */
  readonly monitorUrls: readonly string[];
  /** @default rp */
  readonly prefix?: string;
  /** Connection name, as the server lists it. */
  readonly name: string;
  readonly user?: string;
  /** File with the password; read again at every connect, so that it can be rotated. */
  readonly passwordFile?: string;
  /** How long a publish waits for its PubAck before its fate counts as unknown. @default 5000 */
  readonly publishTimeoutMs?: number;
  /** Period of the pings that feed `health()`. @default 1000 */
  readonly pingMs?: number;
}

/** Whether mail may be accepted now. */
export interface BusHealth {
  readonly isHealthy: boolean;
  /** In words, for health details and `railpost status`; empty when healthy. */
  readonly problems: readonly string[];
}

/** An open bus. Everything in this package takes it as first parameter. */
export interface Bus {
  readonly names: BusNames;
  readonly connection: NatsConnection;
  readonly jetstream: JetStreamClient;
  readonly manager: JetStreamManager;
  /** For requests and publishes that wait for an answer. */
  readonly inbox: Inbox;
  /** For messages that come by the million. */
  readonly lane: FastLane;
  readonly publishTimeoutMs: number;
  /** Synchronous, no I/O: asked before every PUT. */
  health(): BusHealth;
  /** Milliseconds since NATS last answered anything of this process (rule 9 compares it with 10 s). */
  lastAnswerAgeMs(): number;
  /** False from the loss of the connection until the next. */
  readonly isConnected: boolean;
  /**
   * Bound on how long a message that is received now may have been on its way from the server, in milliseconds. A connection keeps the
   * order: what is older than the ping that was answered last has come before that answer.
   */
  transitAgeMs(): number;
  /** Tells the bus that an answer came (PubAck, reply). Called inside this package and by users of bare requests. */
  noteAnswer(): void;
  /** Calls the listener after every reconnect; returns its remover. */
  onReconnect(listener: () => void): () => void;
  /** Opens an existing bucket ({@link ensureStreams} makes them). */
  openKv(bucket: string): Promise<KV>;
  /** Flushes and closes. Idempotent. */
  close(): Promise<void>;
}

const staleAnswerMs = 2000;

/** Connects; resolves when the first connection stands and the servers' settings have been read once. */
export async function connectBus(options: BusOptions): Promise<Bus> {
  const connection = await connect({
    servers: [...options.servers],
    name: options.name,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 200,
    waitOnFirstConnect: true,
    // A stack trace per request costs more than the request.
    noAsyncTraces: true,
    ...authenticationOf(options),
  });
  const publishTimeoutMs = options.publishTimeoutMs ?? 5000;
  const serverCheck = openServerCheck(options.monitorUrls);
  await serverCheck.run();
  const manager = await jetstreamManager(connection, { checkAPI: false, timeout: publishTimeoutMs });
  return new ConnectedBus({ connection, manager, serverCheck }, { ...options, publishTimeoutMs });
}

function authenticationOf(options: BusOptions): {
  authenticator?: ReturnType<typeof usernamePasswordAuthenticator>;
} {
  const { user, passwordFile } = options;
  if (user === undefined) return {};
  const password = () => (passwordFile === undefined ? '' : readFileSync(passwordFile, 'utf8').trim());
  return { authenticator: usernamePasswordAuthenticator(user, password) };
}

class ConnectedBus implements Bus {
  readonly names: BusNames;
  readonly connection: NatsConnection;
  readonly jetstream: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly inbox: Inbox;
  readonly lane: FastLane;
  readonly publishTimeoutMs: number;
  readonly #serverCheck: ServerCheck;
  readonly #listeners = new Set<() => void>();
  readonly #pinger: NodeJS.Timeout;
  #lastAnswerAt = performance.now();
  /** When the ping was sent that was answered last, or when the connection was made. */
  #orderedSince = performance.now();
  #isConnected = true;

  constructor(
    parts: { connection: NatsConnection; manager: JetStreamManager; serverCheck: ServerCheck },
    options: BusOptions & { readonly publishTimeoutMs: number },
  ) {
    this.names = busNames(options.prefix);
    this.connection = parts.connection;
    this.publishTimeoutMs = options.publishTimeoutMs;
    this.jetstream = jetstream(parts.connection, { timeout: options.publishTimeoutMs });
    this.manager = parts.manager;
    this.inbox = new Inbox(parts.connection);
    this.lane = new FastLane(parts.connection);
    this.#serverCheck = parts.serverCheck;
    this.#pinger = setInterval(() => void this.#ping(), options.pingMs ?? 1000);
    void this.#followStatus();
  }

  health(): BusHealth {
    const problems = [...this.#serverCheck.problems()];
    if (!this.#isConnected) problems.push('not connected to NATS');
    else if (this.lastAnswerAgeMs() > staleAnswerMs) problems.push('NATS does not answer');
    return { isHealthy: problems.length === 0, problems };
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  lastAnswerAgeMs(): number {
    return performance.now() - this.#lastAnswerAt;
  }

  transitAgeMs(): number {
    return performance.now() - this.#orderedSince;
  }

  noteAnswer(): void {
    this.#lastAnswerAt = performance.now();
  }

  onReconnect(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  openKv(bucket: string): Promise<KV> {
    return new Kvm(this.jetstream).open(bucket);
  }

  async close(): Promise<void> {
    clearInterval(this.#pinger);
    this.#serverCheck.close();
    if (this.connection.isClosed()) return;
    // A drain waits for the server; without a connection there is nobody to wait for.
    if (this.#isConnected) await this.connection.drain();
    else await this.connection.close();
  }

  async #ping(): Promise<void> {
    if (!this.#isConnected || this.connection.isClosed()) return;
    const sentAt = performance.now();
    try {
      await this.connection.rtt();
      this.#orderedSince = Math.max(this.#orderedSince, sentAt);
      this.noteAnswer();
    } catch {
      // A lost connection is no exception here: lastAnswerAgeMs grows and health() says it.
    }
  }

  async #followStatus(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === 'disconnect') this.#isConnected = false;
      if (status.type !== 'reconnect') continue;
      this.#isConnected = true;
      this.#orderedSince = performance.now();
      this.noteAnswer();
      void this.#serverCheck.run();
      for (const listener of this.#listeners) listener();
    }
  }
}
