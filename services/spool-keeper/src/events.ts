/** Events of spool-keeper, one function each. */
import { defineEvent } from '@railpost/runtime';

export const keeperActive = defineEvent<{ tasks: readonly string[] }>({
  name: 'keeper-active',
  level: 'info',
  text: 'this process keeps the spool from now on',
});

export const keeperPassive = defineEvent<{ cause: string }>({
  name: 'keeper-passive',
  level: 'info',
  text: 'this process keeps the spool no more',
});

/** A task stopped with an exception; it is begun again. Mail goes on without it, the spool grows. */
export const taskFailed = defineEvent<{ task: string; error: string }>({
  name: 'keeper-task-failed',
  level: 'warn',
  text: 'a task of the spool keeper failed; will be tried again',
});

export const leaseProblem = defineEvent<{ error: string }>({
  name: 'keeper-lease-problem',
  level: 'warn',
  text: 'the lease of the spool keeper cannot be read; will be tried again',
});

/** Nothing of it is removed. Messages in it whose jobs exist are delivered if their own octets are whole. */
export const segmentDamaged = defineEvent<{ key: string; error: string }>({
  name: 'segment-damaged',
  level: 'error',
  text: 'a segment of the spool cannot be read: restore it from a backup or from a version of the bucket',
});

/** Its messages count as not complete: they stay in the spool. */
export const journalDamaged = defineEvent<{ key: string }>({
  name: 'journal-damaged',
  level: 'error',
  text: 'an object of the journal cannot be read: restore it from a backup or from a version of the bucket',
});

export const garbageRemoved = defineEvent<{ segments: number; sizeBytes: number; copied: number }>({
  name: 'garbage-removed',
  level: 'info',
  text: 'segments removed from the spool',
});

export const garbageWaits = defineEvent<{ generation: number; cause: string }>({
  name: 'garbage-waits',
  level: 'info',
  text: 'nothing is removed from the spool for now',
});

export const journalCompacted = defineEvent<{
  objects: number;
  made: number;
  removed: number;
  dropped: number;
}>({ name: 'journal-compacted', level: 'info', text: 'journal compacted' });

/** NATS lost what it held: everything unfinished goes back into the queue. */
export const recoveryBegins = defineEvent<{ generation: number }>({
  name: 'recovery-begins',
  level: 'warn',
  text: 'mail is put back from the spool',
});

export const recoveryOver = defineEvent<{
  generation: number;
  messages: number;
  complete: number;
  putBack: number;
  held: number;
  heldOld: number;
  damaged: number;
  durationMs: number;
}>({ name: 'recovery-over', level: 'info', text: 'all unfinished mail is back in the queue' });

/** Older than any message may be, and the journal does not know them (durability rule 17): perhaps delivered long ago. */
export const recoveredOld = defineEvent<{ messages: number }>({
  name: 'recovery-held-old',
  level: 'error',
  text: 'messages that are older than any may be, of which the journal knows nothing, were put on hold: release or delete them',
});

/** What it holds, or says, cannot be put back, or is not known to be done. */
export const recordUnreadable = defineEvent<{ key: string; error: string }>({
  name: 'recovery-unreadable',
  level: 'error',
  text: 'an object of the spool cannot be read and is passed over: restore it and run railpost recover',
});

/** Messages of the spool that are neither finished nor anywhere in the queue (durability rule 20). */
export const unaccounted = defineEvent<{ messages: number; queueIds: readonly string[] }>({
  name: 'unaccounted-messages',
  level: 'error',
  text: 'messages are in the spool but in no queue: they are put back soon, by railpost recover at once',
});

export const repaired = defineEvent<{ messages: number; queueIds: readonly string[] }>({
  name: 'repaired',
  level: 'warn',
  text: 'messages that nobody had were put back into the queue',
});

export const controlFailed = defineEvent<{ error: string }>({
  name: 'keeper-control-failed',
  level: 'warn',
  text: 'a request of a command could not be answered',
});
