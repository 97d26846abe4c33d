/** Planted: a non-null assertion. */

/** The first name, or a crash later on. */
export function first(names: readonly string[]): string {
  return names[0]!;
}
