/**
 * Outcomes of jobs that this owner does not know yet and that owe a report of success: after a takeover an agent may be faster than ACTIVE.
 * Their deliveries are journalled at once (durability rule 7); what is kept here is who wants to hear of them. The agent
 * repeats such an outcome until the job is here, so nothing is lost with this memory.
 */
import type { DeliveryOutcome } from '@railpost/contracts';

/** The outcomes of one term. */
export class Strangers {
  readonly #outcomes = new Map<string, DeliveryOutcome>();

  /** Keeps the outcome while its job may still come, else drops it. Returns whether it was kept. */
  keep(outcome: DeliveryOutcome, mayCome: boolean): boolean {
    if (mayCome) this.#outcomes.set(outcome.jobId, outcome);
    else this.#outcomes.delete(outcome.jobId);
    return mayCome;
  }

  has(jobId: string): boolean {
    return this.#outcomes.has(jobId);
  }

  /** The outcome of a job that came, if one was kept. */
  take(jobId: string): DeliveryOutcome | undefined {
    const outcome = this.#outcomes.get(jobId);
    this.#outcomes.delete(jobId);
    return outcome;
  }
}
