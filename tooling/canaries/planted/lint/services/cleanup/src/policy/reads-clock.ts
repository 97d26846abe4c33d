/** Planted: a policy that reads the clock. */

/** Whether it is late. */
export function isLate(dueMs: number): boolean {
  return Date.now() > dueMs;
}
