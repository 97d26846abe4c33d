/**
 * Which shards this process owns (durability rules 3 and 13; blueprint section 4): tries for the leases of the streams that exist
 * until it has its share, ceil(shards / live queue-managers), and gives one up at a time while it has more. Decided once a
 * round by {@link decideShards}; a failed takeover gives the lease back and is tried again.
 */
import { type Lease, listShards, openLease } from '@railpost/bus';
import { shardLeaseKey } from '@railpost/contracts';
import type { QueueContext, Timing } from './context.ts';
import { busProblem, takeoverFailed } from './events.ts';
import type { QueueMetrics } from './metrics.ts';
import { type ShardOwner, openOwner } from './owner.ts';

/** What to do in one round. */
export interface ShardDecision {
  /** Shards whose lease is to be tried, in order, until the share is full. */
  readonly wanted: readonly number[];
  /** How many of `wanted` may be taken. */
  readonly room: number;
  /** A shard to give up. */
  readonly surplus: number | undefined;
}

/** Decides a round. Pure. @param live queue-managers alive, this one included */
export function decideShards(
  existing: readonly number[],
  owned: readonly number[],
  live: number,
): ShardDecision {
  const share = Math.ceil(existing.length / Math.max(1, live));
  const others = existing.filter((shard) => !owned.includes(shard));
  const surplus = owned.length > share ? owned.at(-1) : undefined;
  return { wanted: others, room: Math.max(0, share - owned.length), surplus };
}

/** Keeps the shards of one process. */
export class ShardKeeper {
  readonly #context: QueueContext;
  readonly #timing: Timing;
  readonly #metrics: QueueMetrics;
  readonly #owners: Map<number, ShardOwner>;
  readonly #leases = new Map<number, Lease>();
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
      const others = managers.filter((each) => each.isReady && each.name !== processName).length;
      const decision = decideShards(existing, [...this.#owners.keys()], others + 1);
      if (decision.surplus !== undefined) return await this.#giveUp(decision.surplus);
      let { room } = decision;
      for (const shard of decision.wanted) {
        if (room === 0 || this.#isStopped) return;
        if (await this.#tryTake(shard)) room -= 1;
      }
    } catch (error) {
      busProblem(this.#context.log, { shard: -1, what: 'looking for shards', error: String(error) });
    }
  }

  async #giveUp(shard: number): Promise<void> {
    const owner = this.#owners.get(shard);
    this.#owners.delete(shard);
    await owner?.release();
    this.#report();
  }

  async #tryTake(shard: number): Promise<boolean> {
    const { bus, processName, log } = this.#context;
    const lease =
      this.#leases.get(shard) ??
      openLease(bus, shardLeaseKey(shard), processName, { ttlMs: this.#timing.leaseTtlMs });
    this.#leases.set(shard, lease);
    const term = await lease.tryAcquire();
    if (term === undefined) return false;
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
