/** Planted: a service that others import. */

/** Does nothing. */
export function neighbour(): void {}
