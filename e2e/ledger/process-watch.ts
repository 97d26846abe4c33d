/**
 * Which processes the platform has and had, and when and of what each died: a duplicate is explained only by the death of the process
 * that delivered first. A death that no fault of ours caused (a crash point, or a bug) is noticed by looking.
 */
import type { PlatformProcess } from '../support/platform.ts';
import { isAlive } from './processes.ts';

/** One death. */
export interface Death {
  readonly pid: number;
  readonly name: string;
  /** Milliseconds since the epoch; when nobody announced it, the moment it was noticed. */
  readonly atMs: number;
  readonly cause: string;
  /** It was told to stop, drained, and may have dropped nothing. */
  readonly isOrderly: boolean;
}

const lookEveryMs = 100;

/** Watches until closed. */
export class ProcessWatch {
  readonly #deaths = new Map<number, Death>();
  readonly #living = new Map<number, string>();
  readonly #list: () => Promise<readonly PlatformProcess[]>;
  readonly #unannounced: () => string;
  #onLiving: (living: ReadonlyMap<number, string>) => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /**
   * @param list the processes at the moment; may reject while there are none
   * @param unannounced cause of a death that no fault announced
   */
  constructor(list: () => Promise<readonly PlatformProcess[]>, unannounced: () => string) {
    this.#list = list;
    this.#unannounced = unannounced;
  }

  /** Deaths so far, in the order in which they were noticed. */
  get deaths(): readonly Death[] {
    return [...this.#deaths.values()];
  }

  start(): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#look().finally(() => this.start()), lookEveryMs);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /** Calls the listener with the names of the living by their process ids after each look that found others than the one before. */
  onLiving(listener: (living: ReadonlyMap<number, string>) => void): void {
    this.#onLiving = listener;
  }

  /** How a process died; undefined while it lives. */
  deathOf(pid: number): Death | undefined {
    return this.#deaths.get(pid);
  }

  /** Writes down that a fault kills a process now. */
  announce(death: Omit<Death, 'atMs'>): void {
    if (!this.#deaths.has(death.pid)) this.#deaths.set(death.pid, { ...death, atMs: Date.now() });
  }

  async #look(): Promise<void> {
    const listed = await this.#list().catch(() => []);
    const before = [...this.#living.keys()].join();
    for (const { pid, name } of listed) if (pid > 0 && isAlive(pid)) this.#living.set(pid, name);
    for (const [pid, name] of this.#living) {
      if (isAlive(pid)) continue;
      this.announce({ pid, name, cause: this.#unannounced(), isOrderly: false });
      this.#living.delete(pid);
    }
    if ([...this.#living.keys()].join() !== before) this.#onLiving(this.#living);
  }
}
