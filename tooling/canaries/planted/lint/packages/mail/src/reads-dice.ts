/** Planted: pure code that rolls dice. */

/** A number. */
export function roll(): number {
  return Math.random();
}
