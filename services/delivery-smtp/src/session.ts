/**
 * Opens a session with one target according to policy: connect, greeting, EHLO, TLS, login (Postfix smtp_helo). The answer is a
 * session that is ready for a transaction, or the verdict why there is none. Rejects only for bugs.
 */
import type { SecureContext } from 'node:tls';
import type { DeliveryStatus, Reply } from '@railpost/mail';
import { ClientError, type ClientTimeouts, type Credentials, SmtpClient } from '@railpost/smtp';
import {
  type Peer,
  type Verdict,
  classifyAuthentication,
  classifyError,
  classifyGreeting,
  classifyHello,
  verdictOf,
} from './classify.ts';
import { statuses } from './statuses.ts';
import type { Target } from './targets.ts';

/** How to open sessions to one next hop. */
export interface SessionPolicy {
  readonly protocol: 'smtp' | 'lmtp';
  /** Argument of EHLO or LHLO. */
  readonly ehlo: string;
  readonly timeouts: ClientTimeouts;
  readonly tls: {
    readonly mode: 'None' | 'May' | 'Encrypt' | 'Verify';
    readonly secureContext: SecureContext;
  };
  readonly credentials: Credentials | undefined;
  /** Our own names: a server that calls itself so is ourselves. */
  readonly ownNames: readonly string[];
  /** The next hop, for texts. */
  readonly destination: string;
}

/** What came of it. */
export type Opening =
  | { readonly kind: 'open'; readonly client: SmtpClient; readonly fallback: ClientError | undefined }
  /** `isConnected`: false when not even a connection could be had. */
  | { readonly kind: 'refused'; readonly verdict: Verdict; readonly isConnected: boolean };

/** Opens a session. `isBest`: no better host than this one was known. */
export async function openSession(target: Target, policy: SessionPolicy, isBest: boolean): Promise<Opening> {
  const first = await new SessionOpener(target, policy, isBest).open();
  if (first.kind === 'open' || first.failedHandshake === undefined) return first;
  // TLS was only wished for: rather in the clear than not at all (smtp_tls_security_level = may).
  const second = await new SessionOpener(
    target,
    { ...policy, tls: { ...policy.tls, mode: 'None' } },
    isBest,
  ).open();
  return second.kind === 'open' ? { ...second, fallback: first.failedHandshake } : second;
}

type Attempt =
  | { readonly kind: 'open'; readonly client: SmtpClient; readonly fallback: undefined }
  | {
      readonly kind: 'refused';
      readonly verdict: Verdict;
      readonly isConnected: boolean;
      /** Set when an attempt without TLS is allowed after this one. */
      readonly failedHandshake: ClientError | undefined;
    };

class SessionOpener {
  readonly #target: Target;
  readonly #policy: SessionPolicy;
  readonly #isBest: boolean;
  readonly #peer: Peer;
  #client: SmtpClient | undefined;

  constructor(target: Target, policy: SessionPolicy, isBest: boolean) {
    this.#target = target;
    this.#policy = policy;
    this.#isBest = isBest;
    this.#peer = { site: target.site, protocol: policy.protocol };
  }

  async open(): Promise<Attempt> {
    try {
      const { protocol, timeouts } = this.#policy;
      this.#client = await SmtpClient.open({ target: this.#target.connect, protocol, timeouts });
      const verdict = await this.#prepare(this.#client);
      if (verdict === undefined) return { kind: 'open', client: this.#client, fallback: undefined };
      this.#client.quit();
      return { kind: 'refused', verdict, isConnected: true, failedHandshake: undefined };
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      this.#client?.destroy();
      const isConnected = error.phase !== 'connect';
      const failedHandshake =
        this.#policy.tls.mode === 'May' && error.phase === 'handshake' ? error : undefined;
      return { kind: 'refused', verdict: classifyError(error, this.#peer), isConnected, failedHandshake };
    }
  }

  /** Undefined when the session is ready. */
  async #prepare(client: SmtpClient): Promise<Verdict | undefined> {
    if (!isPositive(client.greeting)) return classifyGreeting(client.greeting, this.#peer);
    const hello = await client.hello(this.#policy.ehlo);
    if (!isPositive(hello)) return classifyHello(hello, this.#peer);
    return this.#findLoop(client) ?? (await this.#secure(client)) ?? (await this.#authenticate(client));
  }

  #findLoop(client: SmtpClient): Verdict | undefined {
    // An LMTP server on this very host may well carry its name.
    if (this.#policy.protocol === 'lmtp') return undefined;
    const own = new Set(this.#policy.ownNames.map((name) => name.toLowerCase()));
    if (!client.serverNames.some((name) => own.has(name.toLowerCase()))) return undefined;
    const { destination } = this.#policy;
    const status = this.#isBest ? statuses.loop(destination) : statuses.loopAtBackup(destination);
    return verdictOf(status, true);
  }

  async #secure(client: SmtpClient): Promise<Verdict | undefined> {
    const { tls, ehlo, timeouts } = this.#policy;
    const { site } = this.#peer;
    if (tls.mode === 'None') return undefined;
    const isRequired = tls.mode !== 'May';
    if (!client.capabilities.hasStartTls)
      return isRequired ? siteFault(statuses.tlsNotOffered(site.text)) : undefined;
    const request = {
      secureContext: tls.secureContext,
      serverName: site.host,
      verifyNames: tls.mode === 'Verify' ? [site.host] : [],
      timeoutMs: timeouts.commandMs,
    };
    const reply = await client.startTls(request, ehlo);
    if (client.tls === undefined)
      return isRequired ? siteFault(statuses.tlsRefused(site.text, reply)) : undefined;
    return isPositive(reply) ? undefined : classifyHello(reply, this.#peer);
  }

  async #authenticate(client: SmtpClient): Promise<Verdict | undefined> {
    if (this.#policy.credentials === undefined) return undefined;
    const reply = await client.authenticate(this.#policy.credentials);
    return reply?.code === 235 ? undefined : classifyAuthentication(reply, this.#peer);
  }
}

function siteFault(status: DeliveryStatus): Verdict {
  return verdictOf(status, true);
}

function isPositive(reply: Reply): boolean {
  return reply.code >= 200 && reply.code < 300;
}
