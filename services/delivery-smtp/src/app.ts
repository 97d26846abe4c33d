/** Wires the service: resolver, pool, spool reader, metrics, and the agent's frame around them. */
import { createResolver, parseNameServer } from '@railpost/dns';
import {
  type AgentTask,
  type Service,
  type ServiceContext,
  type SettingsOf,
  runAgent,
} from '@railpost/runtime';
import type { SmtpClient, TransactionStep } from '@railpost/smtp';
import { openSegmentReader } from '@railpost/spool';
import type { DeliverySmtpSettings } from './config.ts';
import { AbortListeners } from './abort-listeners.ts';
import { ConnectionPool } from './connection-pool.ts';
import { consume } from './consume.ts';
import type { DeliveryTools } from './deliver.ts';
import { plaintextFallback } from './events.ts';
import { type DeliverySmtpMetrics, type SessionOrigin, createMetrics } from './metrics.ts';
import { type PolicyDecision, decidePolicy } from './policy.ts';
import { type Opening, openSession } from './session.ts';
import { type SmtpHop, type Target, type TargetFacts, createHostLookup, findTargets } from './targets.ts';
import { TlsContexts } from './tls-policy.ts';

type Settings = SettingsOf<typeof DeliverySmtpSettings>;
type UsablePolicy = Extract<PolicyDecision, { kind: 'policy' }>;

/** How often idle sessions are looked through. */
const sweepMs = 500;
/** Idle sessions of the whole process, in multiples of the slots. */
const idlePerSlot = 2;

/** The parts of the context that the service needs. */
export type DeliveryContext = Pick<
  ServiceContext,
  | 'bus'
  | 'clock'
  | 'configuration'
  | 'crashPoint'
  | 'log'
  | 'metrics'
  | 'name'
  | 'processName'
  | 'settings'
  | 'store'
>;

/** Starts the service. @throws SettingsError by way of the runtime, RangeError for a bad name server */
export async function startDelivery(context: DeliveryContext, settings: Settings): Promise<Service> {
  const app = new DeliveryApp(context, settings);
  const agent = await runAgent(context, {
    transports: ['smtp', 'lmtp'],
    slots: settings.slots,
    deliver: (task) => app.deliver(task),
  });
  return {
    async stop() {
      await agent.stop();
      app.close();
    },
  };
}

class DeliveryApp {
  readonly #context: DeliveryContext;
  readonly #pool: ConnectionPool<SmtpClient>;
  readonly #sweeper: NodeJS.Timeout;
  readonly #metrics: DeliverySmtpMetrics;
  readonly #contexts = new TlsContexts();
  readonly #aborts = new AbortListeners();
  readonly #reader: ReturnType<typeof openSegmentReader>;
  readonly #facts: Omit<TargetFacts, 'ownNames'>;

  constructor(context: DeliveryContext, settings: Settings) {
    const nowMs = (): number => context.clock.monotonicMs();
    this.#context = context;
    this.#reader = openSegmentReader(context.store, { cacheBytes: settings.spoolCache });
    this.#pool = new ConnectionPool<SmtpClient>(
      {
        idleMs: settings.connectionIdle,
        lifetimeMs: settings.connectionLifetime,
        uses: settings.connectionUses,
        idlePerKey: settings.slots,
        idleInAll: settings.slots * idlePerSlot,
      },
      nowMs,
    );
    this.#sweeper = setInterval(() => this.#pool.sweep(), sweepMs);
    this.#metrics = createMetrics(context.metrics, () => this.#pool.size);
    const servers = settings.dnsServers.map(parseNameServer);
    this.#facts = {
      resolver: createResolver(servers.length === 0 ? {} : { servers }),
      lookupHost: createHostLookup(nowMs),
      smtpPort: settings.smtpPort,
      random: Math.random,
    };
  }

  deliver(task: AgentTask): ReturnType<typeof consume> {
    this.#context.crashPoint('smtp.accepted');
    // One view of the configuration per delivery.
    const snapshot = this.#context.configuration.current();
    return consume(task, {
      log: this.#context.log,
      reader: this.#reader,
      decidePolicy: (hop, destination) =>
        decidePolicy(hop, destination, {
          platform: snapshot.platform,
          contexts: this.#contexts,
          unseal: (key) => this.#context.configuration.unseal(key),
        }),
      deliveryTools: (_, hop, decision) => this.#tools(task, hop, decision),
    });
  }

  close(): void {
    clearInterval(this.#sweeper);
    this.#pool.close();
  }

  #tools(task: AgentTask, hop: SmtpHop, { policy, key }: UsablePolicy): DeliveryTools {
    const keyOf = (target: Target): string => `${target.site.relay} ${key}`;
    let lent: SmtpClient | undefined;
    return {
      findTargets: () => findTargets(hop, { ...this.#facts, ownNames: policy.ownNames }),
      takeIdle: (target) => {
        const client = this.#pool.takeLent(keyOf(target)) ?? this.#pool.take(keyOf(target));
        if (client !== undefined) this.#count(hop, 'reused', client);
        return client;
      },
      open: async (target, isBest) => {
        const startedAtMs = this.#context.clock.monotonicMs();
        const opening = await openSession(target, policy, isBest);
        this.#noteOpening(task, hop, { target, opening, startedAtMs });
        return opening;
      },
      lend: (target, client, beginNext) => {
        if (!this.#pool.lend(keyOf(target), client)) return false;
        if (beginNext()) lent = client;
        else this.#pool.reclaim(keyOf(target), client);
        return lent === client;
      },
      giveBack: (target, client) => {
        const isOurs = lent !== client || this.#pool.reclaim(keyOf(target), client);
        if (isOurs) void this.#giveBack(keyOf(target), client);
      },
      onAbort: (listener) => this.#aborts.add(task.signal, listener),
      onStep: (step) => this.#passCrashPoint(step),
      monotonicMs: () => this.#context.clock.monotonicMs(),
    };
  }

  #noteOpening(
    task: AgentTask,
    hop: SmtpHop,
    made: { readonly target: Target; readonly opening: Opening; readonly startedAtMs: number },
  ): void {
    if (made.opening.kind === 'refused') {
      this.#count(hop, 'failed', undefined);
      return;
    }
    const { client, fallback } = made.opening;
    this.#pool.noteOpened(client);
    this.#count(hop, 'new', client);
    const seconds = (this.#context.clock.monotonicMs() - made.startedAtMs) / 1000;
    this.#metrics.sessionOpenSeconds.observe({ transport: hop.transport }, seconds);
    if (fallback === undefined) return;
    const relay = made.target.site.relay;
    plaintextFallback(this.#context.log, { queueId: task.job.queueId, relay, reason: fallback.message });
  }

  #count(hop: SmtpHop, origin: SessionOrigin, client: SmtpClient | undefined): void {
    const encrypted = client?.tls?.isVerified === true ? 'verified' : 'yes';
    const tls = client?.tls === undefined ? 'no' : encrypted;
    this.#metrics.sessions.add(1, hop.transport, origin, tls);
  }

  /** Keeps the session for the next message, when the server agrees. */
  async #giveBack(key: string, client: SmtpClient): Promise<void> {
    try {
      if (await client.reset()) this.#pool.give(key, client);
      else client.quit();
    } catch {
      // The session broke between two messages: nobody waits for it.
      client.destroy();
    }
  }

  #passCrashPoint(step: TransactionStep): void {
    if (step === 'before-dot') this.#context.crashPoint('smtp.before-dot');
    if (step === 'dot-sent') this.#context.crashPoint('smtp.dot-sent');
    if (step === 'replied') this.#context.crashPoint('smtp.250-read');
  }
}
