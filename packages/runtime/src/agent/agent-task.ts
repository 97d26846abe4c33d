/**
 * What a delivery agent gets for one dispatched job and what it answers. The whole interface of an agent's own code:
 * it knows nothing of other jobs, shards or the bus.
 */
import type { DeliveryJob, DispatchedJob, JobRecipient, Task } from '@railpost/contracts';
import type { DeliveryStatus, Disposition } from '@railpost/mail';

/** One recipient that is to be attempted (task `deliver`) or reported (`failure`, `delay`, `success`). */
export interface PendingRecipient {
  /** Index into `job.recipients`. */
  readonly index: number;
  readonly recipient: JobRecipient;
}

/** One job in an agent's hand. */
export interface AgentTask {
  readonly job: DeliveryJob;
  readonly task: Task;
  /** Attempts before this one. */
  readonly tries: number;
  readonly pending: readonly PendingRecipient[];
  /** Tasks failure, delay and success only: what is to be reported. */
  readonly report: DispatchedJob['report'];
  /** Other jobs of the same segment in this agent's hand, for the segment reader's read-ahead. */
  readonly upcoming: number;
  /** W3C traceparent of this attempt: child of the job's. */
  readonly traceparent: string;
  /** Aborted when the drain runs out of time: abort the transaction, answer deferred. */
  readonly signal: AbortSignal;
  /** Says that the transfer has begun (phase in heartbeats). */
  beginTransfer(): void;
  /**
   * Begins the next job of the same batch, which else begins when this one ends: for transports that can send it behind this one.
   * False when none waits, or when it was asked before.
   */
  beginNext(): boolean;
  /**
   * Must be awaited right before the final dot, BDAT LAST or rename into `new/`. Each call counts anew.
   * @throws CommitRefusedError: abort the transaction and let the exception pass; the job is deferred (durability rule 9)
   */
  mayCommit(): Promise<void>;
}

/** What happened to one pending recipient. */
export interface RecipientResult {
  /** Index into `job.recipients`, one of `pending`. */
  readonly index: number;
  readonly disposition: Disposition;
  /** From the agent's own `statuses.ts`, or the peer's words. */
  readonly status: DeliveryStatus;
  /** `host[address]:port`, `mailbox`, `none`. */
  readonly relay: string;
  /**
   * A success only: `delivered` is final, `relayed` went to a next hop that does not report successes, `passed-on` to one that
   * took NOTIFY over (RFC 3461 section 5.2).
   * @default 'delivered'
   */
  readonly success?: 'delivered' | 'relayed' | 'passed-on';
}

/** An agent's answer for one job. A pending recipient without result is reported deferred 4.3.0 as our own fault. */
export interface TaskResult {
  readonly recipients: readonly RecipientResult[];
  /** @default 'read'; `gone`: no such body in the spool (rule 15); `corrupt`: checksum mismatch. Nothing was attempted then. */
  readonly content?: 'read' | 'gone' | 'corrupt';
  /** @default false; true when no connection or greeting could be had: negative feedback for the destination. */
  readonly isDestinationFault?: boolean;
  /** @default false; true when the result comes from an exception of ours, not from a word of a peer. */
  readonly isOwnFault?: boolean;
  /** Queue id of the DSN that was spooled (tasks failure, delay, success). */
  readonly reportQueueId?: string;
  /** Monotonic time at which the connection was ready, for `delays=` c and d; absent: no connection was set up. */
  readonly connectedAtMs?: number;
}
