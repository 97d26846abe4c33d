/** Everything that cleanup logs. */
import { defineEvent } from '@railpost/runtime';

/** A message became jobs. In Postfix's log: the message-id line, by which people find a message. */
export const cleaned = defineEvent<{
  queueId: string;
  messageId: string;
  /** Jobs and final recipients written to ACTIVE. */
  jobs: number;
  recipients: number;
  traceparent?: string;
}>({
  name: 'cleaned',
  level: 'info',
  text: 'message cleaned up and handed to the queue',
  postfix: { program: 'cleanup', line: (fields) => `${fields.queueId}: message-id=${fields.messageId}` },
});

/** A record went to CORRUPT: a human must look, the message waits there. */
export const corrupt = defineEvent<{
  queueId?: string;
  reason: string;
  busSubject: string;
  deliveries: number;
}>({
  name: 'record-corrupt',
  level: 'error',
  text: 'record cannot be processed and was moved to CORRUPT',
});

/** An exception of ours; the record comes again. */
export const failed = defineEvent<{ queueId?: string; error: string; stack?: string; retryMs: number }>({
  name: 'record-failed',
  level: 'error',
  text: 'record failed by an exception and will be tried again',
});

/** The bus or the spool cannot serve us now; the record comes again. */
export const postponed = defineEvent<{ queueId?: string; code: string; reason: string; retryMs: number }>({
  name: 'record-postponed',
  level: 'warn',
  text: 'record postponed until the bus or the spool answers',
});

/** The process stood still for longer than half of ack_wait; somebody else may have the record by now. */
export const dropped = defineEvent<{ queueId: string }>({
  name: 'record-dropped',
  level: 'warn',
  text: 'record given back after a pause of this process, nothing published',
});

/** Pulling from INCOMING was interrupted; it goes on by itself. */
export const pullInterrupted = defineEvent<{ error: string }>({
  name: 'pull-interrupted',
  level: 'warn',
  text: 'consuming from INCOMING was interrupted',
});

/** Finished records could not be removed from INCOMING this time. */
export const purgeFailed = defineEvent<{ error: string }>({
  name: 'purge-failed',
  level: 'debug',
  text: 'removing finished records from INCOMING failed and will be tried again',
});
