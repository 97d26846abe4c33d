/**
 * The one line per recipient disposition that every agent and the queue-manager write: who, where to, how long and
 * what came of it (Postfix: log_adhoc(3)). delay = total; delays = before the schedule / in the schedule / connection
 * set-up / transmission.
 */
import { type EventFunction, defineEvent } from './define-event.ts';
import type { PostfixProgram } from './event-definition.ts';

/** What happened, in Postfix's words for the log. `expired`: given up after the lifetime. */
export type LoggedStatus = 'sent' | 'deferred' | 'bounced' | 'expired' | 'hold';

/** Fields of the event. */
export interface DispositionFields {
  readonly queueId: string;
  /** Final recipient, without angle brackets. */
  readonly to: string;
  /** Original recipient; left out when it is the same. */
  readonly origTo?: string;
  /** `host[address]:port`, `mailbox`, `none`. */
  readonly relay: string;
  /** Seconds from acceptance to now. */
  readonly delay: number;
  /** Seconds: a (before the schedule), b (in the schedule), c (connection set-up), d (transmission). */
  readonly delays: readonly [number, number, number, number];
  /** Enhanced status code. */
  readonly dsn: string;
  readonly status: LoggedStatus;
  /** The peer's reply, or our reason. */
  readonly reason: string;
  /** Name of the transport: `smtp`, `lmtp`, `mailbox`, `bounce`, `error`, `retry`, `discard`. */
  readonly transport: string;
  readonly traceparent?: string;
}

const programs: Readonly<Record<string, PostfixProgram>> = {
  smtp: 'smtp',
  lmtp: 'lmtp',
  mailbox: 'virtual',
  bounce: 'bounce',
  error: 'error',
  retry: 'error',
  discard: 'discard',
};

/** Logs what happened to one recipient. Exactly once per recipient and attempt. */
export const logDisposition: EventFunction<DispositionFields> = defineEvent<DispositionFields>({
  name: 'disposition',
  level: 'info',
  text: 'recipient disposition',
  postfix: {
    program: (fields) => programs[fields.transport] ?? 'smtp',
    line: (fields) =>
      [
        `${fields.queueId}: to=<${fields.to}>`,
        ...(fields.origTo === undefined || fields.origTo === fields.to ? [] : [`orig_to=<${fields.origTo}>`]),
        `relay=${fields.relay}`,
        `delay=${formatDelay(fields.delay)}`,
        `delays=${fields.delays.map(formatDelay).join('/')}`,
        `dsn=${fields.dsn}`,
        `status=${fields.status} (${fields.reason})`,
      ].join(', '),
  },
});

/** Formats seconds with two significant digits below 100 s, as Postfix does (delay_logging_resolution_limit). */
export function formatDelay(seconds: number): string {
  if (!(seconds > 0)) return '0';
  if (seconds >= 10) return seconds.toFixed(0);
  if (seconds >= 1) return trimZeros(seconds.toFixed(1));
  return trimZeros(seconds.toFixed(seconds >= 0.1 ? 2 : 3));
}

function trimZeros(text: string): string {
  return text.includes('.') ? text.replace(/0+$/, '').replace(/\.$/, '') : text;
}
