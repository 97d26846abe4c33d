/**
 * Keeps the open ports equal to the configuration, without restart: opens what is new, drains what is gone or moved, and gives
 * changed settings and certificates to the sessions that come next. One change at a time. A port that cannot be opened is a
 * problem to be seen and is tried again; the others go on.
 */
import type { ListenerSettings } from '@railpost/config';
import { SmtpServer } from '@railpost/smtp';
import {
  type CertificateSources,
  type ListenerCertificates,
  SelfSignedPairs,
  gatherCertificates,
} from './certificates.ts';
import { networkSet } from './client-gate.ts';
import {
  certificateUnusable,
  certificatesReloaded,
  listenerClosed,
  listenerFailed,
  listenerOpened,
  selfSigned,
} from './events.ts';
import type { IngressContext, ListenerContext } from './ingress-context.ts';
import { IngressSession } from './session.ts';

/** What the listeners need beside the context of sessions. */
export interface ListenersOptions {
  readonly bindAddress: string;
  readonly portOffset: number;
  sources(): CertificateSources;
  setProblem(key: string, text: string | undefined): void;
}

interface OpenListener {
  context: ListenerContext;
  certificates: ListenerCertificates | undefined;
  server: SmtpServer;
}

/** How long the sessions of a listener that was taken away may take to finish what is in hand. */
const drainMs = 20_000;
const retryMs = 2000;

/** The ports of this process. */
export class Listeners {
  readonly #context: IngressContext;
  readonly #options: ListenersOptions;
  readonly #open = new Map<string, OpenListener>();
  readonly #selfSigned = new SelfSignedPairs();
  readonly #draining = new Set<Promise<void>>();
  /** Why a listener is not open, as last logged. */
  readonly #failures = new Map<string, string>();
  #applied: Promise<void> = Promise.resolve();
  #retry: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(context: IngressContext, options: ListenersOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** Brings the ports in line with the configuration in force; calls run one after the other. */
  apply(): Promise<void> {
    this.#applied = this.#applied.then(() => this.#applyNow());
    return this.#applied;
  }

  /** Ports that are open, by listener name. */
  ports(): ReadonlyMap<string, number> {
    return new Map([...this.#open].map(([name, { server }]) => [name, server.port]));
  }

  /** Closes all ports and ends all sessions at their next command boundary. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#retry);
    await this.#applied;
    await Promise.all([...this.#open.values()].map(({ server }) => server.drain(graceMs)));
    await Promise.race([
      Promise.all(this.#draining),
      new Promise((resolve) => setTimeout(resolve, graceMs).unref()),
    ]);
  }

  async #applyNow(): Promise<void> {
    if (this.#isStopped) return;
    const wanted = this.#context.currentConfiguration().platform.listeners;
    const byName = new Map(wanted.map((settings) => [settings.name, settings]));
    for (const [name, open] of this.#open) {
      const settings = byName.get(name);
      if (settings === undefined || mustReopen(open.context.settings, settings)) this.#close(name, open);
    }
    let hasFailed = false;
    for (const settings of wanted) {
      const open = this.#open.get(settings.name);
      if (open === undefined) hasFailed = !(await this.#openPort(settings)) || hasFailed;
      else this.#refresh(open, settings);
    }
    clearTimeout(this.#retry);
    if (hasFailed) this.#retry = setTimeout(() => void this.apply(), retryMs).unref();
  }

  #refresh(open: OpenListener, settings: ListenerSettings): void {
    open.context = { settings, networks: networkSet(settings.trustedNetworks) };
    const certificates = this.#certificatesOf(settings, open.certificates?.identity);
    const isChanged = certificates?.identity !== open.certificates?.identity;
    open.certificates = certificates;
    if (isChanged) certificatesReloaded(this.#context.log, { source: settings.name });
  }

  #certificatesOf(settings: ListenerSettings, known: string | undefined): ListenerCertificates | undefined {
    if (settings.tls.mode === 'None') return undefined;
    const sources = this.#options.sources();
    const gathered = gatherCertificates(settings.tls, sources, this.#selfSigned);
    for (const error of gathered.problems) certificateUnusable(this.#context.log, { error });
    const problem = gathered.problems.length === 0 ? undefined : gathered.problems.join('; ');
    this.#options.setProblem(`certificates.${settings.name}`, problem);
    if (gathered.isSelfSigned && gathered.identity !== known) {
      selfSigned(this.#context.log, { listener: settings.name, hostname: sources.hostname });
    }
    return gathered;
  }

  /** False when the port cannot be had now. */
  async #openPort(settings: ListenerSettings): Promise<boolean> {
    const port = settings.port + this.#options.portOffset;
    // A port that is to speak the PROXY protocol and does not would take every client for the proxy.
    if (settings.trustedProxies !== undefined) {
      return this.#failToOpen(settings.name, port, 'the PROXY protocol is not supported');
    }
    const listener: Omit<OpenListener, 'server'> = {
      context: { settings, networks: networkSet(settings.trustedNetworks) },
      certificates: this.#certificatesOf(settings, undefined),
    };
    try {
      const server = await SmtpServer.listen({
        host: this.#options.bindAddress,
        port,
        isImplicitTls: settings.tls.mode === 'Implicit',
        tlsOptions: () => listener.certificates?.contexts.options() ?? {},
        createHandler: (connection) => new IngressSession(this.#context, listener.context, connection),
      });
      this.#open.set(settings.name, Object.assign(listener, { server }));
    } catch (error) {
      return this.#failToOpen(settings.name, port, error instanceof Error ? error.message : String(error));
    }
    this.#failures.delete(settings.name);
    this.#options.setProblem(`listener.${settings.name}`, undefined);
    const address = this.#options.bindAddress;
    listenerOpened(this.#context.log, { listener: settings.name, address, port, role: settings.role });
    return true;
  }

  #failToOpen(name: string, port: number, error: string): false {
    // It is tried again every two seconds; one line says it.
    if (this.#failures.get(name) !== error)
      listenerFailed(this.#context.log, { listener: name, port, error });
    this.#failures.set(name, error);
    this.#options.setProblem(`listener.${name}`, `listener ${name} cannot open port ${port}: ${error}`);
    return false;
  }

  #close(name: string, open: OpenListener): void {
    this.#open.delete(name);
    this.#options.setProblem(`certificates.${name}`, undefined);
    listenerClosed(this.#context.log, { listener: name, port: open.server.port });
    const drained = open.server.drain(drainMs).finally(() => this.#draining.delete(drained));
    this.#draining.add(drained);
  }
}

/** Changes that sessions already open, or the port itself, cannot follow. */
function mustReopen(old: ListenerSettings, wanted: ListenerSettings): boolean {
  const isImplicit = (settings: ListenerSettings): boolean => settings.tls.mode === 'Implicit';
  return old.port !== wanted.port || isImplicit(old) !== isImplicit(wanted);
}
