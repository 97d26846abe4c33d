/**
 * How a process of ours ends. Numbers as in sysexits(3), so that Kubernetes events and `railpost status` can tell a
 * wrong setting (do not restart blindly) from a bug (restart).
 */

/** Process exit codes. */
export const exitCode = {
  /** Stopped by a signal after draining. */
  clean: 0,
  /** A bug: an exception that nothing translated. */
  bug: 70,
  /** A wrong setting; the message names it. */
  configuration: 78,
  /** Ended by a second signal while draining. */
  interrupted: 130,
} as const;
