/**
 * How many mistakes a client may make in a session (Postfix smtpd_soft_error_limit 10, smtpd_hard_error_limit,
 * smtpd_error_sleep_time 1 s, smtpd_junk_command_limit 100): above the soft limit every reply waits a second, at the hard limit
 * the session ends. An accepted message forgives all.
 */
const softLimit = 10;
const sleepMs = 1000;
const junkLimit = 100;

/** Mistakes of one session. */
export class ErrorBudget {
  readonly #hardLimit: number;
  #errors = 0;
  #junk = 0;

  constructor(hardLimit: number) {
    this.#hardLimit = hardLimit;
  }

  /** The session has to end. */
  get isSpent(): boolean {
    return this.#errors >= this.#hardLimit;
  }

  /** How long the next reply waits. */
  get delayMs(): number {
    return this.#errors >= softLimit ? sleepMs : 0;
  }

  /** Counts a mistake. */
  note(): void {
    this.#errors += 1;
  }

  /** Counts a command that does nothing. */
  noteJunk(): void {
    this.#junk += 1;
    if (this.#junk > junkLimit) this.#errors += 1;
  }

  /** A message was accepted. */
  forgive(): void {
    this.#errors = 0;
    this.#junk = 0;
  }
}
