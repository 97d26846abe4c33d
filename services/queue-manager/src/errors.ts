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

/** The stream of a shard is of another generation than the spool (durability rule 18): it is about to be made anew. */
export class EarlierGenerationError extends Error {
  readonly code = 'EARLIER_GENERATION';
  readonly temporary = true;

  constructor(shard: number, generation: number) {
    super(`the streams of shard ${shard} are not of generation ${generation}`);
    this.name = 'EarlierGenerationError';
  }
}
