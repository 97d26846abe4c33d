/**
 * Idle sessions that wait for the next message to the same place (Postfix scache(8)). A key says everything that two uses must
 * have in common: address, port, host, TLS policy, credentials. Bounded in number, idle time, age and uses; time comes from outside.
 */

/** What the pool needs of a session. */
export interface PooledSession {
  /** False when the peer has hung up or said something meanwhile. */
  readonly isReusable: boolean;
  /** Transactions so far. */
  readonly transactions: number;
  /** Polite farewell. */
  quit(): void;
  destroy(): void;
}

/** Bounds of the pool. */
export interface PoolLimits {
  readonly idleMs: number;
  readonly lifetimeMs: number;
  /** Transactions per session; 0 = no limit. */
  readonly uses: number;
  readonly idlePerKey: number;
  readonly idleInAll: number;
}

interface IdleEntry<Session> {
  readonly session: Session;
  readonly openedMs: number;
  readonly idleSinceMs: number;
}

/** The idle sessions of one process, and those that are lent: in use, but open to one message behind the present one. */
export class ConnectionPool<Session extends PooledSession> {
  readonly #limits: PoolLimits;
  readonly #nowMs: () => number;
  readonly #idle = new Map<string, IdleEntry<Session>[]>();
  readonly #openedMs = new WeakMap<Session, number>();
  readonly #lent = new Map<string, Session[]>();
  #size = 0;

  constructor(limits: PoolLimits, nowMs: () => number) {
    this.#limits = limits;
    this.#nowMs = nowMs;
  }

  /** Idle sessions. */
  get size(): number {
    return this.#size;
  }

  /** Takes the session that was idle for the shortest time, if a good one is there. */
  take(key: string): Session | undefined {
    const entries = this.#idle.get(key);
    for (let entry = entries?.pop(); entry !== undefined; entry = entries?.pop()) {
      this.#size -= 1;
      if (entries?.length === 0) this.#idle.delete(key);
      if (entry.session.isReusable && !this.#isStale(entry)) return entry.session;
      entry.session.quit();
    }
    return undefined;
  }

  /** Offers a session that is in use to the next message. False when it has served long enough. */
  lend(key: string, session: Session): boolean {
    const now = this.#nowMs();
    const openedMs = this.#openedMs.get(session) ?? now;
    if (this.#limits.idleMs === 0 || this.#isStale({ session, openedMs, idleSinceMs: now })) return false;
    const lent = this.#lent.get(key);
    if (lent === undefined) this.#lent.set(key, [session]);
    else lent.push(session);
    return true;
  }

  /** Takes a session that is lent; the taker gives it back. */
  takeLent(key: string): Session | undefined {
    const lent = this.#lent.get(key);
    const session = lent?.pop();
    if (lent?.length === 0) this.#lent.delete(key);
    return session?.isReusable === true ? session : undefined;
  }

  /** Ends an offer. False when the session was taken: it is another's to give back now. */
  reclaim(key: string, session: Session): boolean {
    const lent = this.#lent.get(key) ?? [];
    const index = lent.indexOf(session);
    if (index === -1) return false;
    lent.splice(index, 1);
    if (lent.length === 0) this.#lent.delete(key);
    return true;
  }

  /** Says when a session was opened; without it, its age counts from the first {@link give}. */
  noteOpened(session: Session): void {
    this.#openedMs.set(session, this.#nowMs());
  }

  /** Gives a session back after use; says farewell to it when it has served long enough or there is no room. */
  give(key: string, session: Session): void {
    const now = this.#nowMs();
    const openedMs = this.#openedMs.get(session) ?? now;
    const entry = { session, openedMs, idleSinceMs: now };
    const entries = this.#idle.get(key) ?? [];
    const hasRoom = entries.length < this.#limits.idlePerKey && this.#size < this.#limits.idleInAll;
    if (!hasRoom || !session.isReusable || this.#limits.idleMs === 0 || this.#isStale(entry)) {
      session.quit();
      return;
    }
    this.#openedMs.set(session, openedMs);
    entries.push(entry);
    this.#idle.set(key, entries);
    this.#size += 1;
  }

  /** Says farewell to sessions that have been idle for too long. Called every now and then. */
  sweep(): void {
    for (const [key, entries] of this.#idle) {
      const good: IdleEntry<Session>[] = [];
      for (const entry of entries) {
        if (entry.session.isReusable && !this.#isStale(entry)) good.push(entry);
        else entry.session.quit();
      }
      this.#size -= entries.length - good.length;
      if (good.length === 0) this.#idle.delete(key);
      else this.#idle.set(key, good);
    }
  }

  /** Says farewell to all. */
  close(): void {
    for (const entries of this.#idle.values()) for (const entry of entries) entry.session.quit();
    this.#idle.clear();
    this.#size = 0;
  }

  #isStale(entry: IdleEntry<Session>): boolean {
    const now = this.#nowMs();
    const { idleMs, lifetimeMs, uses } = this.#limits;
    if (now - entry.idleSinceMs > idleMs || now - entry.openedMs > lifetimeMs) return true;
    return uses > 0 && entry.session.transactions >= uses;
  }
}
