/**
 * Syslog-style lines as Postfix writes them (`Nov 21 16:00:00 host postfix/smtpd[123]: ...`), so that pflogsumm and the
 * habits of mail administrators work. Times are local, as syslogd writes them. Control characters become `?`, as
 * Postfix's printable() does: a peer must not be able to forge a line.
 */
import type { EventDefinition, PostfixProgram } from './event-definition.ts';

/** What a line needs beside the event. */
export interface LineFacts {
  readonly nowMs: number;
  readonly hostname: string;
  readonly service: string;
  readonly pid: number;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const programOfService: Readonly<Record<string, PostfixProgram>> = {
  'smtp-ingress': 'smtpd',
  cleanup: 'cleanup',
  'queue-manager': 'qmgr',
  'delivery-smtp': 'smtp',
  'delivery-mailbox': 'virtual',
  bounce: 'bounce',
};

/** One line without line end, or undefined when the event has no line in this format. */
export function formatPostfixLine<Fields extends object>(
  event: EventDefinition<Fields>,
  fields: Fields,
  facts: LineFacts,
): string | undefined {
  const body = event.postfix === undefined ? plainBody(event, fields) : event.postfix.line(fields);
  if (body === undefined) return undefined;
  const program = programOf(event, fields, facts.service);
  const head = `${syslogTime(facts.nowMs)} ${facts.hostname} postfix/${program}[${facts.pid}]: `;
  // oxlint-disable-next-line no-control-regex -- control characters are what must not pass
  return head + body.replace(/[\u0000-\u001f\u007f]/g, '?');
}

function programOf<Fields extends object>(
  event: EventDefinition<Fields>,
  fields: Fields,
  service: string,
): PostfixProgram {
  const declared = event.postfix?.program;
  if (declared === undefined) return programOfService[service] ?? 'master';
  return typeof declared === 'function' ? declared(fields) : declared;
}

function plainBody<Fields extends object>(event: EventDefinition<Fields>, fields: Fields): string {
  const severity = { debug: 'debug: ', info: '', warn: 'warning: ', error: 'error: ' }[event.level];
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return [severity + event.text, ...pairs].join(' ');
}

function syslogTime(nowMs: number): string {
  const at = new Date(nowMs);
  const clock = [at.getHours(), at.getMinutes(), at.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
  return `${months[at.getMonth()] ?? ''} ${String(at.getDate()).padStart(2, ' ')} ${clock}`;
}
