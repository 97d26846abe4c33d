/**
 * A bound on the octets that messages on their way into the spool hold in memory, all together. Above it, writers wait in line.
 * Nobody can wait for ever: while the budget is used up, those who hold most are asked to move out of memory, one account at a
 * time (the favoured) may overdraw it until it has given everything back, and who has waited a minute is refused.
 */
import { SpoolUnavailableError } from './errors.ts';

/** What one message holds. */
export interface BufferAccount {
  heldBytes: number;
  /** Asks it to give back what it holds before it is finished. @returns false when it cannot, or has begun to already */
  readonly spill?: () => boolean;
}

interface Waiter {
  readonly account: BufferAccount;
  readonly bytes: number;
  readonly timer: NodeJS.Timeout;
  resolve(): void;
  reject(error: Error): void;
}

const longestWaitMs = 60_000;

/** Counts octets; knows nothing of what they are. */
export class BufferBudget {
  readonly #limitBytes: number;
  #usedBytes = 0;
  #favoured: BufferAccount | undefined;
  #waiters: Waiter[] = [];
  readonly #holders = new Set<BufferAccount>();

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Octets held by all accounts. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Takes octets: at once (undefined), or when the promise resolves. @throws SpoolUnavailableError after a minute in line */
  take(account: BufferAccount, bytes: number): Promise<void> | undefined {
    if (this.#usedBytes + bytes > this.#limitBytes) this.#spill(bytes);
    if (this.#mayTake(account, bytes, this.#waiters.length === 0)) {
      this.#grant(account, bytes);
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#refuse(waiter), longestWaitMs);
      timer.unref();
      const waiter: Waiter = { account, bytes, timer, resolve, reject };
      this.#waiters.push(waiter);
    });
  }

  /** Gives octets back and lets those in line go on. */
  give(account: BufferAccount, bytes: number): void {
    account.heldBytes -= bytes;
    this.#usedBytes -= bytes;
    if (account.heldBytes === 0) this.#holders.delete(account);
    if (account === this.#favoured && account.heldBytes === 0) this.#favoured = undefined;
    this.#serveLine();
  }

  /** Ends an account: gives back all it holds and takes it out of the line. */
  close(account: BufferAccount): void {
    for (const waiter of this.#waiters.filter((each) => each.account === account)) this.#refuse(waiter);
    if (this.#favoured === account) this.#favoured = undefined;
    this.give(account, account.heldBytes);
  }

  #mayTake(account: BufferAccount, bytes: number, isFirst: boolean): boolean {
    if (account === this.#favoured) return true;
    if (isFirst && this.#usedBytes + bytes <= this.#limitBytes) return true;
    if (!isFirst || this.#favoured !== undefined) return false;
    this.#favoured = account;
    return true;
  }

  #serveLine(): void {
    let next = this.#waiters[0];
    while (next !== undefined && this.#mayTake(next.account, next.bytes, true)) {
      this.#waiters.shift();
      clearTimeout(next.timer);
      this.#grant(next.account, next.bytes);
      next.resolve();
      next = this.#waiters[0];
    }
    // Whoever was served may be slow in turn.
    if (next !== undefined) this.#spill(next.bytes);
  }

  #grant(account: BufferAccount, bytes: number): void {
    account.heldBytes += bytes;
    this.#usedBytes += bytes;
    this.#holders.add(account);
  }

  /** Asks the largest holders, until so many octets are on their way out: slow clients must not keep all others waiting. */
  #spill(bytes: number): void {
    let spilledBytes = 0;
    const largestFirst = [...this.#holders].sort((left, right) => right.heldBytes - left.heldBytes);
    for (const holder of largestFirst) {
      if (spilledBytes >= bytes) return;
      if (holder.spill?.() === true) spilledBytes += holder.heldBytes;
    }
  }

  #refuse(waiter: Waiter): void {
    clearTimeout(waiter.timer);
    this.#waiters = this.#waiters.filter((each) => each !== waiter);
    waiter.reject(new SpoolUnavailableError('memory for messages in transit is used up', { effect: 'none' }));
  }
}
