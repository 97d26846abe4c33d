/** Errors of queue-manager. */

/** The lease of a shard was lost during the takeover; another process has it or will. */
export class LeaseLostError extends Error {
  readonly code = 'LEASE_LOST';
  readonly temporary = true;

  constructor(shard: number) {
    super(`the lease of shard ${shard} was lost`);
    this.name = 'LeaseLostError';
  }
}
