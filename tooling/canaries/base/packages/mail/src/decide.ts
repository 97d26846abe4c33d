/** Decides from its arguments alone, as pure code does. */

/** What may come out. */
export type Verdict = { readonly kind: 'accept' } | { readonly kind: 'defer'; readonly untilMs: number };

/** Accepts what is due and defers the rest. */
export function decide(dueMs: number, nowMs: number): Verdict {
  return dueMs <= nowMs ? { kind: 'accept' } : { kind: 'defer', untilMs: dueMs };
}
