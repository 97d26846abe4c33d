/**
 * Damaged journal objects that a takeover met: an alert that stands until each of them is restored or removed. Mail goes on meanwhile with
 * those entries that could be read (durability rule 10): a recipient that only a lost entry calls finished may be served again, which must
 * not happen without anybody saying so.
 */
import { type JournalDamage, isJournalObjectIntact } from '@railpost/spool';
import { journalDamaged } from './events.ts';
import type { Term } from './term.ts';

const lookAgainMs = 10_000;

/** States the damage that the takeover of a term has met, and looks every ten seconds whether it is over. */
export function stateDamages(term: Term, damages: readonly JournalDamage[]): void {
  if (damages.length > 0) new DamagedJournal(term).note(damages);
}

class DamagedJournal {
  readonly #term: Term;
  readonly #damages = new Map<string, JournalDamage>();
  #timer: NodeJS.Timeout | undefined;

  constructor(term: Term) {
    this.#term = term;
    term.signal.addEventListener('abort', () => this.#end(), { once: true });
  }

  note(damages: readonly JournalDamage[]): void {
    for (const damage of damages) {
      this.#damages.set(damage.key, damage);
      this.#term.metrics.damagedJournalObjects.inc();
      journalDamaged(this.#term.context.log, damage);
    }
    this.#state();
    this.#timer = setInterval(() => void this.#lookAgain(), lookAgainMs);
  }

  async #lookAgain(): Promise<void> {
    const { store } = this.#term.context;
    for (const key of this.#damages.keys())
      if (await isJournalObjectIntact(store, key).catch(() => false)) this.#damages.delete(key);
    if (this.#term.signal.aborted) return;
    if (this.#damages.size === 0) this.#end();
    else this.#state();
  }

  #end(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#damages.clear();
    this.#state();
  }

  #state(): void {
    const { context, shard } = this.#term;
    const [first] = this.#damages.values();
    const more = this.#damages.size > 1 ? ` and ${this.#damages.size - 1} more` : '';
    context.setProblem(
      `journal-damaged-${shard}`,
      first === undefined
        ? undefined
        : `journal object ${first.key}${more} is damaged (${first.salvaged} entries read all the same): mail may be delivered twice; restore it from a backup, or remove it to accept that`,
    );
  }
}
