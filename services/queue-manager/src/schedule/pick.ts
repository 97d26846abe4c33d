/**
 * Which destinations may send how many jobs now: one job each in turn, as long as windows and the budget allow, so that a
 * destination with many jobs does not keep a small one waiting (Postfix: round robin over queues). Pure.
 */

/** One destination with jobs ready. */
export interface Candidate {
  readonly key: string;
  /** Jobs ready to be dispatched. */
  readonly ready: number;
  readonly inFlight: number;
  readonly window: number;
}

/** How many jobs of which destination, and where the next turn begins. */
export interface Pick {
  readonly counts: ReadonlyMap<string, number>;
  /** Key of the destination that was served last; pass it to the next call. */
  readonly last: string | undefined;
}

/**
 * Shares `budget` jobs out.
 * @param last key served last in the call before; the turn begins behind it
 */
export function pickJobs(candidates: readonly Candidate[], budget: number, last: string | undefined): Pick {
  const counts = new Map<string, number>();
  const start = candidates.findIndex((candidate) => candidate.key === last) + 1;
  let ring = [...candidates.slice(start), ...candidates.slice(0, start)];
  let left = budget;
  let served = last;
  while (left > 0 && ring.length > 0) {
    const still: Candidate[] = [];
    for (const candidate of ring) {
      const taken = counts.get(candidate.key) ?? 0;
      const hasRoom = candidate.inFlight + taken < candidate.window && taken < candidate.ready;
      if (!hasRoom || left === 0) continue;
      counts.set(candidate.key, taken + 1);
      served = candidate.key;
      left -= 1;
      still.push(candidate);
    }
    ring = still;
  }
  return { counts, last: served };
}
