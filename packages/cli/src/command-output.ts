/** Where commands write: results to `result`, what went wrong to `complaint`. Passed in, so that tests read both. */
export interface CommandOutput {
  /** Text with its line end; standard output. */
  readonly result: (text: string) => void;
  /** Text with its line end; standard error. */
  readonly complaint: (text: string) => void;
}
