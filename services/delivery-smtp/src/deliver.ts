/**
 * Delivers one job: target after target, session after session, until each recipient has a final answer or nobody is left to
 * ask (Postfix smtp_connect_inet). Recipients that one host deferred are offered to the next; at most five addresses and two
 * sessions are tried (smtp_mx_address_limit, smtp_mx_session_limit).
 */
import type { DeliveryJob } from '@railpost/contracts';
import type { PendingRecipient, RecipientResult, TaskResult } from '@railpost/runtime';
import type { SmtpClient, TransactionStep } from '@railpost/smtp';
import { type Peer, type Verdict, verdictOf } from './classify.ts';
import type { JobContent } from './content.ts';
import type { Opening, SessionPolicy } from './session.ts';
import type { Target, Targets } from './targets.ts';
import { type Transmitted, transmit } from './transmit.ts';

/** Postfix smtp_mx_session_limit. */
const sessionLimit = 2;

/** A job as the agent's frame hands it over. */
export interface Delivery {
  readonly job: DeliveryJob;
  readonly pending: readonly PendingRecipient[];
  readonly content: JobContent;
  /** True at the first attempt, which most servers take: the content is read while the server is asked. */
  readonly isFirst: boolean;
  readonly policy: SessionPolicy;
  readonly signal: AbortSignal;
  beginTransfer(): void;
  /** Begins the next message to the same destination; false when there is none. */
  beginNext(): boolean;
  mayCommit(): Promise<void>;
}

/** What delivering needs from outside. */
export interface DeliveryTools {
  findTargets(): Promise<Targets>;
  /** A session to the target that is idle, or whose message leaves it to the next one. */
  takeIdle(target: Target): SmtpClient | undefined;
  /** A new session. */
  open(target: Target, isBest: boolean): Promise<Opening>;
  /** Offers the session to the message that `beginNext` begins; answers what that does. */
  lend(target: Target, client: SmtpClient, beginNext: () => boolean): boolean;
  /** Takes a session back that may be used again, unless the next message has it. */
  giveBack(target: Target, client: SmtpClient): void;
  /** Calls the listener when the delivery's signal is aborted; returns its remover. */
  onAbort(listener: () => void): () => void;
  /** Passes a step of a transaction on (crash points). */
  onStep(step: TransactionStep): void;
  monotonicMs(): number;
}

/** @throws errors of the spool; CommitRefusedError */
export async function deliver(delivery: Delivery, tools: DeliveryTools): Promise<TaskResult> {
  const found = await tools.findTargets();
  const course = new Course(delivery, tools);
  if (found.kind === 'none') course.failRemaining(verdictOf(found.status, true), 'none');
  else await course.run(found.targets);
  return course.result();
}

/** The state of one delivery: who is still to be served, and what was said last to each. */
class Course {
  readonly #delivery: Delivery;
  readonly #tools: DeliveryTools;
  readonly #results = new Map<number, RecipientResult>();
  #remaining: readonly PendingRecipient[];
  #isSiteFault = false;
  #sessions = 0;
  #connectedAtMs: number | undefined;

  constructor(delivery: Delivery, tools: DeliveryTools) {
    this.#delivery = delivery;
    this.#tools = tools;
    this.#remaining = delivery.pending;
  }

  result(): TaskResult {
    return {
      recipients: [...this.#results.values()],
      isDestinationFault: this.#isSiteFault,
      ...(this.#connectedAtMs === undefined ? {} : { connectedAtMs: this.#connectedAtMs }),
    };
  }

  async run(targets: readonly Target[]): Promise<void> {
    const best = targets[0]?.preference;
    const tried = new Set<Target>();
    for (const target of targets.filter((each) => each.preference === best)) {
      const idle = this.#isDone() ? undefined : this.#tools.takeIdle(target);
      if (idle === undefined || (await this.#use(idle, target))) continue;
      this.#sessions += 1;
      tried.add(target);
    }
    for (const target of targets) {
      if (this.#isDone()) return;
      if (!tried.has(target)) await this.#tryFresh(target, target.preference === best);
    }
  }

  /** Gives all remaining recipients the same verdict; one of class 5 ends them. */
  failRemaining(verdict: Verdict, relay: string): void {
    this.#apply(new Map(this.#remaining.map(({ index }) => [index, verdict])), relay);
  }

  #isDone(): boolean {
    const { signal } = this.#delivery;
    return this.#remaining.length === 0 || this.#sessions >= sessionLimit || signal.aborted;
  }

  async #tryFresh(target: Target, isBest: boolean): Promise<void> {
    const opening = await this.#tools.open(target, isBest);
    if (opening.kind === 'refused') {
      this.failRemaining(opening.verdict, opening.isConnected ? target.site.relay : 'none');
      return;
    }
    this.#sessions += 1;
    await this.#use(opening.client, target);
  }

  /** Runs the transaction. True when the session was dead already and nothing was tried. */
  async #use(client: SmtpClient, target: Target): Promise<boolean> {
    const isFresh = client.transactions === 0;
    this.#connectedAtMs ??= this.#tools.monotonicMs();
    const peer: Peer = { site: target.site, protocol: this.#delivery.policy.protocol };
    const transmitted = await this.#transmit(client, target, peer);
    if (transmitted.isSessionStale && !isFresh) {
      await destroyUnused(client);
      return true;
    }
    this.#apply(transmitted.verdicts, target.site.relay);
    this.#tools.giveBack(target, client);
    return false;
  }

  async #transmit(client: SmtpClient, target: Target, peer: Peer): Promise<Transmitted> {
    const { job, content, isFirst, signal } = this.#delivery;
    if (isFirst) content.prefetch();
    // The message before, when this one follows it over the same session: its dot is on its way.
    const before = client.isBusy ? client.settled() : undefined;
    let isCommitted = false;
    let isAborted = false;
    // A drain that runs out of time ends the transaction, except where the dot may already be on its way.
    const onAbort = (): void => {
      if (isCommitted) return;
      isAborted = true;
      void destroyUnused(client, before);
    };
    const ignoreAbort = this.#tools.onAbort(onAbort);
    try {
      const transmitted = await transmit(client, peer, {
        job,
        content,
        recipients: this.#remaining,
        mayCommit: async () => {
          await this.#delivery.mayCommit();
          isCommitted = true;
        },
        offerSession: () => this.#tools.lend(target, client, () => this.#delivery.beginNext()),
        onStep: (step) => {
          if (step === 'content') this.#delivery.beginTransfer();
          this.#tools.onStep(step);
        },
      });
      // What the peer seems to have done then was our own doing.
      if (isAborted) signal.throwIfAborted();
      return transmitted;
    } catch (error) {
      await destroyUnused(client, before);
      throw error;
    } finally {
      ignoreAbort();
    }
  }

  #apply(verdicts: ReadonlyMap<number, Verdict>, relay: string): void {
    for (const [index, { disposition, status, success }] of verdicts) {
      const result = { index, disposition, status, relay };
      this.#results.set(index, success === undefined ? result : { ...result, success });
    }
    this.#remaining = this.#remaining.filter(({ index }) => verdicts.get(index)?.disposition === 'deferred');
    // The last word about the host counts: a later host that talked to us makes up for an earlier one that did not.
    this.#isSiteFault = [...verdicts.values()].some(
      (verdict) => verdict.isSiteFault && verdict.disposition === 'deferred',
    );
  }
}

/** Hangs up when the message before has its reply: without it that would be delivered twice. */
async function destroyUnused(client: SmtpClient, before?: Promise<void>): Promise<void> {
  await before;
  client.destroy();
}
