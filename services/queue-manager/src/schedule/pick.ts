/**
 * Whose jobs go next: destinations take turns, so that one with many jobs does not keep a small one waiting (Postfix: round robin
 * over queues), and how many jobs a destination is given beyond those that may run now. Pure.
 */

/** Jobs for each delivery that may run, at most: the one that runs, and those that follow it without asking. */
export const deepest = 16;
/** A batch that is through sooner than this was too small: its agent waits for the next one. */
const tooSoonMs = 100;
/** A batch that takes longer than this keeps jobs from other agents, and from holds, for too long. */
const tooLateMs = 300;

/**
 * Serves lanes in turn until nobody has anything left or `budget` jobs are taken. The order of `ring` is the order of turns: who was served
 * goes to its end.
 * @param ring lanes that have something; changed here, and by `serve` when a lane has nothing more
 * @param serve takes one turn of a lane, at most `room` jobs; answers how many it took, undefined when that was the last for now
 */
export function serveInTurn<Lane>(
  ring: Set<Lane>,
  budget: number,
  serve: (lane: Lane, room: number) => number | undefined,
): void {
  let room = budget;
  // A set is walked in the order of insertion, and what is added meanwhile comes, too.
  for (const lane of ring) {
    if (room <= 0) return;
    const taken = serve(lane, room);
    if (taken === undefined) return;
    room -= taken;
    // Who took nothing keeps its place, and is not asked again in this round.
    if (taken > 0 && ring.delete(lane)) ring.add(lane);
  }
}

/**
 * Jobs per running delivery of the next batch, from how long the last took: a fast destination is served without waiting for
 * our word on each job, a slow one has next to nothing in the hands of agents.
 * @param depth the depth so far
 */
export function nextDepth(depth: number, batchMs: number): number {
  if (batchMs < tooSoonMs) return Math.min(deepest, depth * 2);
  return batchMs > tooLateMs ? Math.max(1, depth >> 1) : depth;
}
