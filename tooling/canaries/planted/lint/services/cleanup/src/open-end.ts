/** Planted: a promise of work instead of work. */

/** Nothing yet. */
export function later(): void {
  // TODO: write this
}
