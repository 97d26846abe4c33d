/**
 * Decides logins: looks the record up, checks the password, remembers successes for a minute (an MUA logs in for every message). At
 * most `concurrency` hashes run and four times as many wait; beyond that a login hears 454 instead of making all others slow. An unknown
 * login costs as much time as a wrong password, so that answers do not tell who exists.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { LoginRecord } from '@railpost/config';

/** `busy`: ask again later. */
export type LoginResult = 'accepted' | 'refused' | 'busy';

/** What the verifier needs. */
export interface LoginVerifierOptions {
  /** Hashes that run at once. */
  readonly concurrency: number;
  nowMs(): number;
  verify(hash: string, password: string): Promise<boolean>;
}

/** Logins that wait for each one that runs. */
const waitingPerRunning = 4;
const rememberMs = 60_000;
const rememberLimit = 10_000;

/** Any argon2id hash of common cost (19 MiB, t=2): what an unknown login is checked against. */
const decoy =
  '{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$cmFpbHBvc3QtZGVjb3k$Sg6NvqSrEFJiHCXeHjp3Dv8JzJmQlMGVm0DkJ1Jcq1w';

/** Verifies logins of one process. */
export class LoginVerifier {
  readonly #options: LoginVerifierOptions;
  readonly #key = randomBytes(32);
  /** HMAC of login, hash and password -> when it is forgotten. */
  readonly #remembered = new Map<string, number>();
  readonly #queue: (() => void)[] = [];
  #running = 0;

  constructor(options: LoginVerifierOptions) {
    this.#options = options;
  }

  /** @param record the login's record, or undefined when there is no such login */
  async check(record: LoginRecord | undefined, password: string): Promise<LoginResult> {
    const known = record?.isEnabled === true ? record : undefined;
    const key = known === undefined ? '' : this.#keyOf(known, password);
    if ((this.#remembered.get(key) ?? 0) > this.#options.nowMs()) return 'accepted';
    if (this.#isFull()) return 'busy';
    const hash = known?.passwordHash ?? decoy;
    const isMatch = await this.#inTurn(() => this.#options.verify(hash, password));
    if (!isMatch || known === undefined) return 'refused';
    this.#remember(key);
    return 'accepted';
  }

  #isFull(): boolean {
    const { concurrency } = this.#options;
    return this.#running >= concurrency && this.#queue.length >= concurrency * waitingPerRunning;
  }

  async #inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    if (this.#running >= this.#options.concurrency) {
      await new Promise<void>((resolve) => this.#queue.push(resolve));
    } else {
      this.#running += 1;
    }
    try {
      return await work();
    } finally {
      // The next one takes over this place.
      const next = this.#queue.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  #keyOf({ login, passwordHash }: LoginRecord, password: string): string {
    const text = `${login}\0${passwordHash}\0${password}`;
    return createHmac('sha256', this.#key).update(text).digest('base64');
  }

  #remember(key: string): void {
    if (this.#remembered.size >= rememberLimit) this.#remembered.clear();
    this.#remembered.set(key, this.#options.nowMs() + rememberMs);
  }
}
