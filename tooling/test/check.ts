/**
 * What every check of `npm test` is and how it ends. A check that could not be run is a failed one: an empty report is
 * never good news.
 */

/** How a step went. */
export interface StepResult {
  readonly passed: number;
  readonly failed: number;
  /** What a person needs to see when something failed; empty otherwise. */
  readonly detail: string;
}

/** One step of `npm test`. */
export interface Step {
  /** Short, one word where possible: also what `npm test -- NAME` selects. */
  readonly name: string;
  run(): Promise<StepResult>;
}

/** A step that is one check by itself. */
export function oneCheck(hasPassed: boolean, detail: string): StepResult {
  return hasPassed ? { passed: 1, failed: 0, detail: '' } : { passed: 0, failed: 1, detail };
}
