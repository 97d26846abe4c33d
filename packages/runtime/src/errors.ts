/**
 * Exceptions of the runtime. Each has a `code` for programs, `temporary` for those who retry, and keeps its `cause`.
 */

/** A process setting that cannot be used; ends the process with exit code 78. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly code = 'SETTINGS_INVALID';
  readonly temporary = false;
  /** The flag as the user writes it, for example `--http-port`. */
  readonly field: string;

  constructor(field: string, reason: string) {
    super(`${field}: ${reason}`);
    this.field = field;
  }
}

/**
 * A delivery agent may not send the final dot now: NATS has been silent for too long, so that another agent may hold the
 * same job already (durability rule 9), or the process drains. The transaction must be aborted; the job is deferred.
 */
export class CommitRefusedError extends Error {
  override readonly name = 'CommitRefusedError';
  readonly code = 'COMMIT_REFUSED';
  readonly temporary = true;
}

/** A sealed secret that the platform key does not open: another key, or changed bytes. */
export class SealBrokenError extends Error {
  override readonly name = 'SealBrokenError';
  readonly code = 'SEAL_BROKEN';
  readonly temporary = false;
}

/** A configuration unit or root in the bucket that cannot be used. */
export class ConfigurationInvalidError extends Error {
  override readonly name = 'ConfigurationInvalidError';
  readonly code = 'CONFIGURATION_INVALID';
  readonly temporary = true;
}
