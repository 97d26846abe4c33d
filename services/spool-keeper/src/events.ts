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
