/**
 * Events of the runtime itself: start, waiting, end, configuration, and what an agent's frame has to say.
 */
import { defineEvent } from './events/define-event.ts';

/** The process starts; the settings are checked. */
export const starting = defineEvent<{ release: string; node: string; httpUrl: string }>({
  name: 'starting',
  level: 'info',
  text: 'process starts',
});

/** Something that must be there at start is not. */
export const waiting = defineEvent<{ what: string; reason: string }>({
  name: 'waiting',
  level: 'warn',
  text: 'waiting for something that is needed to start',
});

/** The process works. */
export const ready = defineEvent<{ startMs: number; configurationRoot: string }>({
  name: 'ready',
  level: 'info',
  text: 'process is ready',
});

/** A signal, or a failure, ends the process. */
export const draining = defineEvent<{ cause: string }>({
  name: 'draining',
  level: 'info',
  text: 'process drains: takes no more and finishes what is in hand',
});

/** The end. */
export const stopped = defineEvent<{ exitCode: number; drainMs: number }>({
  name: 'stopped',
  level: 'info',
  text: 'process stopped',
});

/** Draining took longer than it may; what was in hand is redelivered. */
export const drainTimedOut = defineEvent<{ drainMs: number }>({
  name: 'drain-timed-out',
  level: 'warn',
  text: 'drain ran out of time; what is in hand will be delivered again',
});

/** A bug of ours. */
export const bug = defineEvent<{ error: string; stack: string | undefined }>({
  name: 'bug',
  level: 'error',
  text: 'unexpected exception; the process ends',
});

/** A configuration is in force. */
export const configurationApplied = defineEvent<{
  revision: number;
  root: string;
  units: number;
  origin: 'bus' | 'disk';
}>({
  name: 'configuration-applied',
  level: 'info',
  text: 'configuration applied',
});

/** A configuration on the bus or on disk cannot be used; the one before stays in force. */
export const configurationRefused = defineEvent<{ origin: 'bus' | 'disk'; reason: string }>({
  name: 'configuration-refused',
  level: 'error',
  text: 'configuration cannot be used; the one before stays in force',
});

/** The last good configuration could not be kept on disk. */
export const configurationNotKept = defineEvent<{ reason: string }>({
  name: 'configuration-not-kept',
  level: 'warn',
  text: 'last good configuration could not be written to disk',
});

/** The watch on the configuration bucket ended and begins again. */
export const configurationWatchFailed = defineEvent<{ reason: string }>({
  name: 'configuration-watch-failed',
  level: 'warn',
  text: 'configuration cannot be watched; trying again',
});

/** A secret does not open. */
export const secretUnreadable = defineEvent<{ secret: string; reason: string }>({
  name: 'secret-unreadable',
  level: 'error',
  text: 'secret cannot be opened with the platform key',
});

/** Presence could not be refreshed. */
export const presenceFailed = defineEvent<{ reason: string }>({
  name: 'presence-failed',
  level: 'debug',
  text: 'presence could not be refreshed',
});

/** An agent's own code threw: the job is deferred, never bounced. */
export const deliveryFault = defineEvent<{
  queueId: string;
  jobId: string;
  error: string;
  stack: string | undefined;
  traceparent: string;
}>({
  name: 'delivery-fault',
  level: 'error',
  text: 'exception while delivering; the job is deferred',
});

/** The final dot was not sent (durability rule 9). */
export const commitRefused = defineEvent<{ queueId: string; jobId: string; reason: string }>({
  name: 'commit-refused',
  level: 'warn',
  text: 'delivery given up before the final dot because NATS was silent or the process drains',
});

/** A dispatch that is not one. */
export const dispatchUndecodable = defineEvent<{ transport: string; reason: string }>({
  name: 'dispatch-undecodable',
  level: 'error',
  text: 'dispatch cannot be decoded and is not answered',
});

/** A new generation of streams was begun: NATS lost something. Recovery puts it back from the spool. */
export const streamsLost = defineEvent<{ generation: number; cause: string; removed: readonly string[] }>({
  name: 'streams-lost',
  level: 'error',
  text: 'NATS has lost what it held; streams are made anew and mail is put back from the spool',
});

/** The streams cannot be brought in order now. */
export const streamsUnready = defineEvent<{ reason: string }>({
  name: 'streams-unready',
  level: 'warn',
  text: 'the streams cannot be brought in order now; will be tried again',
});
