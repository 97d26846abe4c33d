/**
 * Makes the streams those of the spool's generation (durability rule 18): looks at what is there, begins a new generation when
 * something is lost, removes what is left of earlier ones and makes what is missing. Any process may call it at any time; of several
 * that see the same loss one makes the generation (`If-None-Match: *`) and tidies up, the others wait for it, and do it themselves
 * when that takes too long. Interrupted anywhere, the next call goes on. What the new streams lack, recovery puts back from the spool.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Bus,
  IncompatibleStreamError,
  type StreamSettings,
  type StreamState,
  ensureStreams,
  readStreamStates,
  removeEarlierStreams,
} from '@railpost/bus';
import {
  type ObjectStore,
  type StreamPositions,
  createGeneration,
  newestGeneration,
  readPositions,
} from '@railpost/spool';
import type { CrashPoint } from '../crash-point.ts';
import { type StreamFacts, type StreamJudgement, judgeStreams } from './judge-streams.ts';

/** What to prepare. */
export interface StreamsRequest {
  readonly bus: Bus;
  readonly store: ObjectStore;
  readonly streams: Omit<StreamSettings, 'generation'>;
  /** What this process remembers beside the spool: last sequences seen of the streams of one generation. */
  readonly seen?: SeenStreams;
  /** True: what this process remembers of the generation is enough, the spool's own positions are not read. */
  readonly isBrief?: boolean;
  /** Time that another process has to bring the streams in order, milliseconds. @default 5000 */
  readonly patienceMs?: number;
  /**
   * How long a loss must be seen before it is believed, milliseconds: a replica that has just become the leader may be behind for a
   * moment. @default 1000, with replicas 5000
   */
  readonly confirmMs?: number;
  readonly crashPoint?: CrashPoint;
  readonly signal?: AbortSignal;
}

/** Positions that a process saw itself. */
export interface SeenStreams {
  readonly generation: number;
  readonly positions: StreamPositions;
}

/** What was found and done. */
export interface PreparedStreams {
  readonly generation: number;
  /** Why a new generation was begun by this call, if it was and is not the first. */
  readonly lost: string | undefined;
  /** Streams of earlier generations that this call removed. */
  readonly removed: readonly string[];
  /** Positions after it. */
  readonly seen: SeenStreams;
}

const lookMs = 250;

/**
 * Brings the streams in order.
 * @throws IncompatibleStreamError when they belong to another spool; BusUnavailableError, SpoolUnavailableError: call again
 */
export async function prepareStreams(request: StreamsRequest): Promise<PreparedStreams> {
  const preparation = new Preparation(request);
  for (;;) {
    request.signal?.throwIfAborted();
    const done = await preparation.step();
    if (done !== undefined) return done;
  }
}

type Newest = Awaited<ReturnType<typeof newestGeneration>>;

/** One call. */
class Preparation {
  readonly #request: StreamsRequest;
  readonly #removed: string[] = [];
  /** The generation that this call began, -1 before that, and why. */
  #made = -1;
  #lost: string | undefined;
  /** The newest generation and since when this call knows it, monotonic milliseconds. */
  #known = { generation: -1, sinceMs: 0 };
  /** Since when the same loss is seen, monotonic milliseconds. */
  #lostSince: number | undefined;

  constructor(request: StreamsRequest) {
    this.#request = request;
  }

  /** Looks and does one thing; the result when nothing is left to do. */
  async step(): Promise<PreparedStreams | undefined> {
    const { bus, store, streams, crashPoint } = this.#request;
    const newest = await newestGeneration(store);
    const { generation } = newest;
    // Before the states: owners write meanwhile, and a position of after the look would seem to be lost.
    const remembered = await readRemembered(this.#request, generation);
    const states = await readStreamStates(bus);
    const judgement = judge(remembered, { generation, states, incoming: bus.names.incomingStream });
    if (judgement.kind === 'foreign' && (await newestGeneration(store)).generation === generation)
      throw new IncompatibleStreamError(`${judgement.cause}; does NATS belong to another spool?`);
    if (judgement.kind === 'foreign') {
      // Somebody has just begun a generation: look again.
    } else if (this.#mustWait(newest, judgement)) {
      await sleep(lookMs);
    } else if (judgement.kind === 'outdated') {
      this.#removed.push(...(await removeEarlierStreams(bus, generation)));
      crashPoint?.('streams.earlier-removed');
    } else if (judgement.kind === 'lost' && generation !== this.#made) {
      await this.#begin(generation + 1, judgement.cause);
    } else if (judgement.kind === 'fit' && isAllThere(this.#request, generation, states)) {
      return { generation, lost: undefined, removed: [], seen: seenOf(generation, states) };
    } else {
      await ensureStreams(bus, { ...streams, generation });
      const lost = generation === 1 ? undefined : this.#lost;
      return { generation, lost, removed: this.#removed, seen: await look(bus, generation) };
    }
    return undefined;
  }

  async #begin(generation: number, cause: string): Promise<void> {
    if (await createGeneration(this.#request.store, generation)) {
      this.#made = generation;
      this.#lost = cause;
    }
    this.#request.crashPoint?.('streams.generation-made');
  }

  /** Whoever made a young generation is about to bring its streams in order; and a loss is believed only after a while. */
  #mustWait({ generation, madeAtMs }: Newest, { kind }: StreamJudgement): boolean {
    if (kind !== 'lost') this.#lostSince = undefined;
    if (kind === 'fit' || generation === this.#made) return false;
    const { patienceMs = 5000 } = this.#request;
    const now = performance.now();
    if (this.#known.generation !== generation) this.#known = { generation, sinceMs: now };
    if (Date.now() - madeAtMs < patienceMs && now - this.#known.sinceMs < patienceMs) return true;
    if (kind === 'outdated' || generation === 0) return false;
    this.#lostSince ??= now;
    return now - this.#lostSince < confirmMsOf(this.#request);
  }
}

function confirmMsOf({ confirmMs, streams }: StreamsRequest): number {
  return confirmMs ?? ((streams.replicas ?? 1) > 1 ? 5000 : 1000);
}

/** How far the streams have come by the word of the spool, and of this process. */
async function readRemembered(request: StreamsRequest, generation: number): Promise<StreamPositions[]> {
  const { store, seen } = request;
  const own = seen?.generation === generation ? seen.positions : undefined;
  const isEnough = request.isBrief === true && own !== undefined;
  return [isEnough ? {} : await readPositions(store, generation), own ?? {}];
}

function judge(all: readonly StreamPositions[], facts: Omit<StreamFacts, 'remembered'>): StreamJudgement {
  const judgements = all.map((remembered) => judgeStreams({ ...facts, remembered }));
  return judgements.find(({ kind }) => kind !== 'fit') ?? { kind: 'fit' };
}

/** In a brief look at streams that were in order before, nothing has to be made. */
function isAllThere(
  { isBrief, seen, streams }: StreamsRequest,
  generation: number,
  states: readonly StreamState[],
): boolean {
  const streamsPerShard = 2;
  return (
    isBrief === true && seen?.generation === generation && states.length > streamsPerShard * streams.shards
  );
}

async function look(bus: Bus, generation: number): Promise<SeenStreams> {
  return seenOf(generation, await readStreamStates(bus));
}

function seenOf(generation: number, states: readonly StreamState[]): SeenStreams {
  const own = states.filter((each) => each.generation === generation);
  return {
    generation,
    positions: Object.fromEntries(own.map(({ name, lastSequence }) => [name, lastSequence])),
  };
}
