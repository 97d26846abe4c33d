/** Where Railpost's answers differ from Postfix 3.11's on purpose: the answers that we give instead, and why. */

/** One difference. */
export interface Difference {
  readonly why: string;
  /** Replies per step, the greeting first. */
  readonly answers: readonly (readonly string[])[];
}

export const differences: ReadonlyMap<string, Difference> = new Map([]);
