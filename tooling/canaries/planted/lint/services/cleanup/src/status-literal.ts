/** Planted: a status outside of statuses.ts. */

/** Refuses. */
export function refuse(): string {
  return '5.1.1';
}
