/**
 * What a new owner waits for before it dispatches (durability rule 8): agents may still have jobs of the owner before it, and nobody else
 * knows which; not even the consumer of ACTIVE, whose state a server that died may have forgotten. So the roll is called. A job that was
 * in ACTIVE or DEFER already waits one heartbeat period, and for every agent that has not answered; one that came afterwards only until
 * those have answered of whom presence tells. The same again when NATS was away.
 */
import { randomUUID } from 'node:crypto';
import { type EpochAnnouncement, encodeRecord } from '@railpost/contracts';
import { type QueueContext, type Timing, silenceMs } from './context.ts';
import { AgentRoll } from './dispatch/agent-roll.ts';

/** A reply to a final dot that takes longer may be doubled by the death of an owner: its whole backlog would have to wait. */
const longestDotMs = 60_000;

/** Jobs that wait for the word of agents: {@link Adoption.waiting}. */
export type Waiting = 'all' | 'takeover' | 'none';

/** What an adoption works with. */
export interface AdoptionParts {
  readonly context: QueueContext;
  readonly timing: Timing;
  readonly shard: number;
  /** The epoch under which the owner speaks now. */
  epoch(): number;
}

/** The waiting of one term. */
export class Adoption {
  readonly agents: AgentRoll = new AgentRoll();
  readonly #parts: AdoptionParts;
  /** Monotonic; undefined before the first {@link begin}. */
  #sinceMs: number | undefined;
  #isPresenceKnown = false;
  #isOver = false;
  #isLooking = false;

  constructor(parts: AdoptionParts) {
    this.#parts = parts;
  }

  /** One heartbeat period and what it may be late. */
  get periodMs(): number {
    const { heartbeatMs } = this.#parts.timing;
    return heartbeatMs + Math.min(1000, heartbeatMs / 2);
  }

  /** The owner listens from now on, or NATS is back: everybody is asked. */
  begin(): void {
    this.#sinceMs = this.#now();
    this.#isPresenceKnown = false;
    this.#isOver = false;
    this.ask();
  }

  /** Calls the roll and looks who is there. */
  ask(): void {
    const { context, shard } = this.#parts;
    const epoch = this.#parts.epoch();
    const { connection, names } = context.bus;
    const roll = randomUUID();
    this.agents.noteCall(roll, this.#now());
    const call: EpochAnnouncement = { version: 1, shard, epoch, owner: context.processName, roll };
    if (!connection.isClosed()) connection.publish(names.epochAnnouncementSubject(shard), encodeRecord(call));
    if (!this.#isLooking) void this.#look();
  }

  /** Called about once a second: who missed the call is asked again. */
  sweep(): void {
    if (!this.isOver()) this.ask();
  }

  /** True when jobs that somebody may have had before may be dispatched. */
  isOver(): boolean {
    if (this.#isOver) return true;
    const passedMs = this.#passedMs();
    if (this.#sinceMs === undefined || passedMs < this.periodMs) return false;
    const { dataDoneMs } = this.#parts.context.configuration.current().platform.delivery.timeouts;
    const limitMs = silenceMs(this.#parts.timing) + Math.min(dataDoneMs, longestDotMs);
    this.#isOver = passedMs >= limitMs || !this.agents.isAwaited(this.#sinceMs, this.#now(), limitMs);
    return this.#isOver;
  }

  /** Which jobs wait: `all`, those that were there before the `takeover`, or `none`. */
  get waiting(): Waiting {
    if (this.isOver()) return 'none';
    return this.isOverForNew() ? 'takeover' : 'all';
  }

  /** True when jobs that came to ACTIVE after the takeover may be dispatched. */
  isOverForNew(): boolean {
    if (this.#isOver) return true;
    if (this.#sinceMs === undefined) return false;
    if (this.#passedMs() >= this.periodMs) return true;
    // Where nobody is present, presence may have gone with the data of NATS.
    const isAnybodyKnown = this.#isPresenceKnown && this.agents.size > 0;
    return isAnybodyKnown && !this.agents.isAwaited(this.#sinceMs, this.#now(), this.periodMs);
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    const { presence } = this.#parts.context;
    // Without an answer nobody knows; the time limits stand.
    const present = await presence.list().catch(() => undefined);
    this.#isLooking = false;
    if (present === undefined) return;
    this.agents.notePresence(present, this.#now());
    this.#isPresenceKnown = true;
  }

  #passedMs(): number {
    return this.#sinceMs === undefined ? 0 : this.#now() - this.#sinceMs;
  }

  #now(): number {
    return this.#parts.context.clock.monotonicMs();
  }
}
