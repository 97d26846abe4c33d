/** Events of queue-manager, one function each. Postfix's qmgr lines are what pflogsumm counts senders and sizes by. */
import { defineEvent } from '@railpost/runtime';

/** First sight of a message in a shard (Postfix: `from=, size=, nrcpt= (queue active)`). */
export const queueActive = defineEvent<{
  queueId: string;
  reversePath: string;
  sizeBytes: number;
  recipients: number;
  destination: string;
}>({
  name: 'queue-active',
  level: 'info',
  text: 'job taken into the schedule',
  postfix: {
    program: 'qmgr',
    line: (fields) =>
      `${fields.queueId}: from=<${fields.reversePath}>, size=${fields.sizeBytes}, nrcpt=${fields.recipients} (queue active)`,
  },
});

/** The last job of a message in this shard is done. */
export const removed = defineEvent<{ queueId: string }>({
  name: 'removed',
  level: 'info',
  text: 'message removed from the queue',
  postfix: { program: 'qmgr', line: (fields) => `${fields.queueId}: removed` },
});

/** The lifetime is over; the sender is told. */
export const expired = defineEvent<{ queueId: string; reversePath: string; recipients: readonly string[] }>({
  name: 'expired',
  level: 'info',
  text: 'lifetime is over, returned to sender',
  postfix: {
    program: 'qmgr',
    line: (fields) => `${fields.queueId}: from=<${fields.reversePath}>, status=expired, returned to sender`,
  },
});

/** Only faults of our own stood between the job and delivery until its lifetime was over: held, not bounced. */
export const heldForOwnFault = defineEvent<{ queueId: string; jobId: string; destination: string }>({
  name: 'held-for-own-fault',
  level: 'error',
  text: 'job expired after internal errors and is held: find the error, then release it',
});

/** The spool has no such body and the journal does not say that the job is settled. */
export const bodyMissing = defineEvent<{ queueId: string; jobId: string; content: string; key: string }>({
  name: 'body-missing',
  level: 'error',
  text: 'content is missing or damaged; job moved to CORRUPT',
});

/** An ACTIVE or DEFER record that cannot be decoded. */
export const recordCorrupt = defineEvent<{ busSubject: string; reason: string }>({
  name: 'record-corrupt',
  level: 'error',
  text: 'record cannot be decoded; moved to CORRUPT',
});

/** What a damaged journal object said of finished recipients is partly unknown. */
export const journalDamaged = defineEvent<{ key: string; reason: string; salvaged: number }>({
  name: 'journal-damaged',
  level: 'error',
  text: 'journal object is damaged; recipients that only its lost entries call finished may be served again',
});

/** A bug of ours: mail may have been lost or doubled. */
export const invariantViolated = defineEvent<{ invariant: string; detail: string }>({
  name: 'invariant-violated',
  level: 'error',
  text: 'an invariant of the queue was violated',
});

export const shardTaken = defineEvent<{
  shard: number;
  epoch: number;
  jobs: number;
  journalled: number;
  takeoverMs: number;
}>({ name: 'shard-taken', level: 'info', text: 'shard taken over' });

export const shardLeft = defineEvent<{ shard: number; cause: string }>({
  name: 'shard-left',
  level: 'info',
  text: 'shard given up',
});

export const takeoverFailed = defineEvent<{ shard: number; error: string }>({
  name: 'takeover-failed',
  level: 'warn',
  text: 'shard could not be taken over; will be tried again',
});

export const destinationDead = defineEvent<{
  shard: number;
  destination: string;
  reason: string;
  jobs: number;
}>({
  name: 'destination-dead',
  level: 'info',
  text: 'destination cannot be reached; its jobs are deferred without attempts',
});

export const redispatched = defineEvent<{ queueId: string; jobId: string; worker: string; phase: string }>({
  name: 'redispatched',
  level: 'warn',
  text: 'agent fell silent; its job goes to another',
});

export const controlCarriedOut = defineEvent<{
  operation: string;
  queueId: string;
  changed: number;
  inFlight: number;
}>({ name: 'control', level: 'info', text: 'queue command carried out' });

/** The journal keeps its many small objects until the next try; takeovers read longer, nothing else. */
export const journalRollUpFailed = defineEvent<{ shard: number; error: string }>({
  name: 'journal-roll-up-failed',
  level: 'warn',
  text: 'journal could not be rolled up; will be tried again',
});

/** Something on the bus failed and is tried again. */
export const busProblem = defineEvent<{ shard: number; what: string; error: string }>({
  name: 'bus-problem',
  level: 'warn',
  text: 'bus operation failed; will be tried again',
});

/** A record of DEFER is gone that nobody of us removed. */
export const deferRecordLost = defineEvent<{ queueId: string; jobId: string; isRewritten: boolean }>({
  name: 'defer-record-lost',
  level: 'error',
  text: 'a record of DEFER disappeared; if it is not written anew, railpost recover puts the message back',
});
