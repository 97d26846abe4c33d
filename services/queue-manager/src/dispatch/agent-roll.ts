/**
 * The delivery agents that the owner of a shard has to reckon with (durability rules 8 and 9): those of whom presence tells and those
 * who spoke. An owner that does not know who has a job calls the roll: every agent says what it has. Who answered a call that was made
 * later has not got the job, or has named it; who is silent may have been cut off with it, unless its process has been started anew.
 * Agents of earlier releases answer no roll call and are not kept. Pure; all times are monotonic milliseconds of the owner.
 */
import type { Heartbeat, Presence } from '@railpost/contracts';

/** What presence tells of a process. */
export type Present = Pick<Presence, 'service' | 'name' | 'startedAt' | 'transports'>;

interface Agent {
  readonly startedAt: string;
  /** Undefined while presence has not told. */
  transports: readonly string[] | undefined;
  /** When it was heard last, or first heard of. */
  heardAtMs: number;
  /** When the latest call was made that it has answered. */
  answeredMs: number;
}

/** The agents of one term. */
export class AgentRoll {
  readonly #agents = new Map<string, Agent>();
  /** Latest start of each process, by presence and by its own word. */
  readonly #startedAt = new Map<string, string>();
  /** When each call was made. */
  readonly #calls = new Map<string, number>();

  /** Agents known. */
  get size(): number {
    return this.#agents.size;
  }

  /** Notes that the roll is called under this name. */
  noteCall(name: string, nowMs: number): void {
    this.#calls.set(name, nowMs);
  }

  /** Notes a heartbeat. Returns when the call was made that it answers, if it answers one of ours. */
  hear({ worker, startedAt, roll, isLeaving }: Heartbeat, nowMs: number): number | undefined {
    if (startedAt === undefined || roll === undefined) return undefined;
    this.#noteStart(worker, startedAt);
    if (isLeaving === true) {
      this.#agents.delete(worker);
      return undefined;
    }
    const agent = this.#meet(worker, startedAt, nowMs);
    agent.heardAtMs = nowMs;
    const calledAtMs = this.#calls.get(roll);
    agent.answeredMs = Math.max(agent.answeredMs, calledAtMs ?? agent.answeredMs);
    return calledAtMs;
  }

  /** Notes who is present. Who is not any more is not forgotten: it may have been cut off. */
  notePresence(present: readonly Present[], nowMs: number): void {
    for (const { service, name, startedAt, transports } of present) {
      const worker = `${service}/${name}`;
      this.#noteStart(worker, startedAt);
      if (transports !== undefined) this.#meet(worker, startedAt, nowMs).transports = transports;
    }
  }

  /** True when a process of the same name has started later: the one that started at `startedAt` is no more. */
  isDead(worker: string, startedAt: string | undefined): boolean {
    const latest = this.#startedAt.get(worker);
    return startedAt !== undefined && latest !== undefined && latest > startedAt;
  }

  /**
   * True while an agent that may live has answered no call that was made since; it is waited for until it has been silent for
   * `limitMs`.
   * @param transport only agents that may serve it
   */
  isAwaited(sinceMs: number, nowMs: number, limitMs: number, transport?: string): boolean {
    for (const { heardAtMs, answeredMs, transports } of this.#agents.values()) {
      const mayServe = transport === undefined || transports?.includes(transport) !== false;
      if (mayServe && answeredMs < sinceMs && nowMs - heardAtMs < limitMs) return true;
    }
    return false;
  }

  /** Forgets who has been silent beyond every limit, and calls that nobody can answer any more. */
  sweep(nowMs: number, limitMs: number): void {
    for (const [worker, { heardAtMs }] of this.#agents)
      if (nowMs - heardAtMs >= limitMs) this.#agents.delete(worker);
    for (const [name, calledAtMs] of this.#calls) if (nowMs - calledAtMs >= limitMs) this.#calls.delete(name);
  }

  #noteStart(worker: string, startedAt: string): void {
    const latest = this.#startedAt.get(worker);
    if (latest === undefined || startedAt > latest) this.#startedAt.set(worker, startedAt);
  }

  /** The agent of this name, unless another process has followed it: then one that is not kept. */
  #meet(worker: string, startedAt: string, nowMs: number): Agent {
    const known = this.#agents.get(worker);
    if (known?.startedAt === startedAt) return known;
    const agent: Agent = {
      startedAt,
      transports: undefined,
      heardAtMs: nowMs,
      answeredMs: Number.NEGATIVE_INFINITY,
    };
    if (!this.isDead(worker, startedAt)) this.#agents.set(worker, agent);
    return agent;
  }
}
