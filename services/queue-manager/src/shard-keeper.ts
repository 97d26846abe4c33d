/**
 * Which shards this process owns (durability rules 3 and 13; blueprint section 4): tries for the leases of the streams that exist
 * until it has its share, ceil(shards / live queue-managers), and gives one up at a time while it has more. Decided once a
 * round by {@link decideShards}; a failed takeover gives the lease back and is tried again.
 * Who lives on inherits at once: a lease that expired is taken beyond the share and kept for one TTL, and a process that has just
 * started (perhaps the one that died, dying again soon) leaves such leases to those who own shards already.
 */
import { type Freedom, type Lease, listShards, openLease } from '@railpost/bus';
import { shardLeaseKey } from '@railpost/contracts';
import type { QueueContext, Timing } from './context.ts';
import { busProblem, takeoverFailed } from './events.ts';
import type { QueueMetrics } from './metrics.ts';
import { type ShardOwner, openOwner } from './owner.ts';

/** What a round is decided from. */
export interface ShardFacts {
  /** Shards whose streams exist. */
  readonly existing: readonly number[];
  /** Shards of this process; not `isSettled`: inherited a moment ago, nothing is handed over yet. */
  readonly owned: readonly { readonly shard: number; readonly isSettled: boolean }[];
  /** Queue managers alive, this one included. */
  readonly live: number;
  /** True when another queue manager owns shards. */
  readonly hasOwningPeer: boolean;
  /** True until this process has lived for one TTL. */
  readonly isNewcomer: boolean;
}

/** What to do in one round. */
export interface ShardDecision {
  /** Shards whose lease is to be tried, in order. */
  readonly wanted: readonly number[];
  /** How many leases may be taken that were given up in order or never held. */
  readonly room: number;
  /** True: leases that expired may be taken, however many. */
  readonly mayInherit: boolean;
  /** A shard to give up. */
  readonly surplus: number | undefined;
}

/** Decides a round. Pure. */
export function decideShards(facts: ShardFacts): ShardDecision {
  const { existing, owned, live } = facts;
  const share = Math.ceil(existing.length / Math.max(1, live));
  const wanted = existing.filter((shard) => !owned.some((each) => each.shard === shard));
  const hasInherited = owned.some(({ isSettled }) => !isSettled);
  const surplus = owned.length > share && !hasInherited ? owned.at(-1)?.shard : undefined;
  const room = Math.max(0, share - owned.length);
  return { wanted, room, mayInherit: !(facts.isNewcomer && facts.hasOwningPeer), surplus };
}

/** Keeps the shards of one process. */
export class ShardKeeper {
  readonly #context: QueueContext;
  readonly #timing: Timing;
  readonly #metrics: QueueMetrics;
  readonly #owners: Map<number, ShardOwner>;
  readonly #leases = new Map<number, Lease>();
  /** Until when (monotonic milliseconds) an inherited shard is kept whatever the share. */
  readonly #keptUntil = new Map<number, number>();
  readonly #startedAt = performance.now();
  readonly #roundMs: number;
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> = Promise.resolve();
  #isStopped = false;

  /** @param owners filled and emptied here; the metrics read it */
  constructor(
    context: QueueContext,
    timing: Timing,
    parts: { readonly metrics: QueueMetrics; readonly owners: Map<number, ShardOwner> },
  ) {
    this.#context = context;
    this.#timing = timing;
    this.#metrics = parts.metrics;
    this.#owners = parts.owners;
    this.#roundMs = Math.max(200, Math.floor(timing.leaseTtlMs / 15));
  }

  /** Runs the first round now and further ones by the clock. */
  start(): void {
    if (this.#isStopped) return;
    this.#round = this.#runRound().finally(() => {
      this.#timer = setTimeout(() => this.start(), this.#roundMs);
    });
  }

  /** The streams are of this generation: terms of an earlier one know a queue that is gone. The next rounds take over from zero. */
  endEarlier(generation: number): void {
    for (const owner of [...this.#owners.values()])
      if (owner.generation !== generation) owner.end('the streams are of another generation');
  }

  /** Gives every shard up. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#round;
    clearTimeout(this.#timer);
    await Promise.all([...this.#owners.values()].map((owner) => owner.release()));
    this.#owners.clear();
    this.#report();
  }

  async #runRound(): Promise<void> {
    try {
      const existing = await listShards(this.#context.bus);
      const managers = await this.#context.presence.list('queue-manager');
      const { processName } = this.#context;
      const others = managers.filter((each) => each.isReady && each.name !== processName);
      const now = performance.now();
      const decision = decideShards({
        existing,
        owned: [...this.#owners.keys()].map((shard) => ({
          shard,
          isSettled: now >= (this.#keptUntil.get(shard) ?? 0),
        })),
        live: others.length + 1,
        hasOwningPeer: others.some(({ shards }) => shards.length > 0),
        isNewcomer: now - this.#startedAt < this.#timing.leaseTtlMs,
      });
      if (decision.surplus !== undefined) return await this.#giveUp(decision.surplus);
      await this.#takeWanted(decision);
    } catch (error) {
      busProblem(this.#context.log, { shard: -1, what: 'looking for shards', error: String(error) });
    }
  }

  async #takeWanted({ wanted, room, mayInherit }: ShardDecision): Promise<void> {
    let left = room;
    for (const shard of wanted) {
      if (this.#isStopped) return;
      if (mayInherit && (await this.#tryTake(shard, 'expired'))) left -= 1;
      else if (left > 0 && (await this.#tryTake(shard, 'released'))) left -= 1;
    }
  }

  async #giveUp(shard: number): Promise<void> {
    const owner = this.#owners.get(shard);
    this.#owners.delete(shard);
    await owner?.release();
    this.#report();
  }

  async #tryTake(shard: number, freedom: Freedom): Promise<boolean> {
    const { bus, processName, log } = this.#context;
    const lease =
      this.#leases.get(shard) ??
      openLease(bus, shardLeaseKey(shard), processName, { ttlMs: this.#timing.leaseTtlMs });
    this.#leases.set(shard, lease);
    const term = await lease.tryAcquire(freedom);
    if (term === undefined) return false;
    if (freedom === 'expired') this.#keptUntil.set(shard, performance.now() + this.#timing.leaseTtlMs);
    else this.#keptUntil.delete(shard);
    try {
      const parts = { context: this.#context, timing: this.#timing, metrics: this.#metrics };
      const owner = await openOwner({ ...parts, shard, lease: term });
      this.#owners.set(shard, owner);
      if (owner.ended.aborted) this.#bury(owner);
      else owner.ended.addEventListener('abort', () => this.#bury(owner), { once: true });
      this.#report();
      return true;
    } catch (error) {
      takeoverFailed(log, { shard, error: String(error) });
      await term.release();
      return false;
    }
  }

  /** The term ended by itself: drop everything; the next round tries again if the lease is free. */
  #bury(owner: ShardOwner): void {
    if (this.#owners.get(owner.shard) !== owner) return;
    this.#owners.delete(owner.shard);
    this.#report();
    void owner.abandon();
  }

  #report(): void {
    this.#context.presence.setShards([...this.#owners.keys()].sort((left, right) => left - right));
  }
}
