/**
 * Everything this service writes to the log. The `postfix` forms are smtpd's, word for word where pflogsumm reads them:
 * `client=` counts a message as received (so it is written when it is), `NOQUEUE: reject:` counts a refusal.
 */
import { defineEvent } from '@railpost/runtime';

/** Name and address of a client as Postfix writes them. */
export interface ClientFields {
  readonly client: string;
  readonly address: string;
}

function nameAndAddress(fields: ClientFields): string {
  return `${fields.client}[${fields.address}]`;
}

/** A session began. */
export const connected = defineEvent<ClientFields & { readonly listener: string }>({
  name: 'connected',
  level: 'info',
  text: 'client connected',
  postfix: { program: 'smtpd', line: (fields) => `connect from ${nameAndAddress(fields)}` },
});

/** A session ended. `commands` counts like Postfix: `ehlo=1 mail=1/2 commands=2/3`. */
export const disconnected = defineEvent<
  ClientFields & { readonly reason: string; readonly commands: string; readonly sessionMs: number }
>({
  name: 'disconnected',
  level: 'info',
  text: 'client disconnected',
  postfix: {
    program: 'smtpd',
    line: (fields) => `disconnect from ${nameAndAddress(fields)} ${fields.commands}`,
  },
});

/** The client went away, or a deadline passed, before QUIT. */
export const connectionLost = defineEvent<
  ClientFields & { readonly reason: 'lost connection' | 'timeout'; readonly after: string }
>({
  name: 'connection-lost',
  level: 'info',
  text: 'session ended before QUIT',
  postfix: {
    program: 'smtpd',
    line: (fields) => `${fields.reason} after ${fields.after} from ${nameAndAddress(fields)}`,
  },
});

/** A handshake failed. */
export const tlsFailed = defineEvent<ClientFields & { readonly error: string }>({
  name: 'tls-failed',
  level: 'info',
  text: 'TLS handshake failed',
  postfix: {
    program: 'smtpd',
    line: (fields) => `SSL_accept error from ${nameAndAddress(fields)}: ${fields.error}`,
  },
});

/** A client was refused before any command. */
export const connectionRefused = defineEvent<ClientFields & { readonly reply: string }>({
  name: 'connection-refused',
  level: 'info',
  text: 'connection refused',
  postfix: {
    program: 'smtpd',
    line: (fields) => `NOQUEUE: reject: CONNECT from ${nameAndAddress(fields)}: ${fields.reply}; proto=SMTP`,
  },
});

/** A command was refused by policy. */
export const commandRefused = defineEvent<
  ClientFields & {
    readonly command: string;
    readonly reply: string;
    readonly reversePath: string | undefined;
    readonly recipient: string | undefined;
    readonly protocol: string;
    readonly helo: string;
  }
>({
  name: 'command-refused',
  level: 'info',
  text: 'command refused',
  postfix: {
    program: 'smtpd',
    line: (fields) => {
      const from = fields.reversePath === undefined ? '' : ` from=<${fields.reversePath}>`;
      const to = fields.recipient === undefined ? '' : ` to=<${fields.recipient}>`;
      const session = ` proto=${fields.protocol} helo=<${fields.helo}>`;
      return `NOQUEUE: reject: ${fields.command} from ${nameAndAddress(fields)}: ${fields.reply};${from}${to}${session}`;
    },
  },
});

/** A message is ours now. */
export const accepted = defineEvent<
  ClientFields & {
    readonly queueId: string;
    readonly login: string | undefined;
    readonly mechanism: string | undefined;
    readonly bytes: number;
    readonly recipients: number;
    readonly traceparent: string | undefined;
  }
>({
  name: 'accepted',
  level: 'info',
  text: 'message accepted',
  postfix: {
    program: 'smtpd',
    line: (fields) => {
      const login =
        fields.login === undefined
          ? ''
          : `, sasl_method=${fields.mechanism ?? ''}, sasl_username=${fields.login}`;
      return `${fields.queueId}: client=${nameAndAddress(fields)}${login}`;
    },
  },
});

/** A password was wrong. */
export const loginRefused = defineEvent<
  ClientFields & { readonly mechanism: string; readonly login: string; readonly result: string }
>({
  name: 'login-refused',
  level: 'info',
  text: 'login refused',
  postfix: {
    program: 'smtpd',
    line: (fields) =>
      `warning: ${nameAndAddress(fields)}: SASL ${fields.mechanism} authentication failed: ${fields.result}, sasl_username=${fields.login}`,
  },
});

/** A client sent more commands than it might. */
export const improperPipelining = defineEvent<ClientFields & { readonly after: string }>({
  name: 'improper-pipelining',
  level: 'info',
  text: 'improper command pipelining',
  postfix: {
    program: 'smtpd',
    line: (fields) => `improper command pipelining after ${fields.after} from ${nameAndAddress(fields)}`,
  },
});

/** The spool has the message, the bus has not said so in time; 250 was answered. */
export const publishLate = defineEvent<{ readonly queueId: string }>({
  name: 'publish-late',
  level: 'warn',
  text: 'message is spooled, its INCOMING record is not acknowledged yet',
});

/** No mail is taken from now on: clients hear 451 or 452 instead of 354. */
export const outageBegan = defineEvent<{ readonly part: string; readonly reason: string }>({
  name: 'outage-began',
  level: 'error',
  text: 'mail is refused for now, clients keep it; it is taken again by itself',
});

/** Mail is taken again, or another part is the reason why not. */
export const outageOver = defineEvent<{ readonly part: string; readonly outageMs: number }>({
  name: 'outage-over',
  level: 'info',
  text: 'outage is over',
});

/** An exception of ours in a session. */
export const sessionFault = defineEvent<ClientFields & { readonly command: string; readonly error: string }>({
  name: 'session-fault',
  level: 'error',
  text: 'exception in a session',
});

/** A port was opened. */
export const listenerOpened = defineEvent<{
  readonly listener: string;
  readonly address: string;
  readonly port: number;
  readonly role: string;
}>({ name: 'listener-opened', level: 'info', text: 'listener opened' });

/** A port was closed: its listener is no longer configured, or changed. */
export const listenerClosed = defineEvent<{ readonly listener: string; readonly port: number }>({
  name: 'listener-closed',
  level: 'info',
  text: 'listener closed',
});

/** A port cannot be opened. */
export const listenerFailed = defineEvent<{
  readonly listener: string;
  readonly port: number;
  readonly error: string;
}>({ name: 'listener-failed', level: 'error', text: 'listener cannot be opened' });

/** No certificate was given. */
export const selfSigned = defineEvent<{ readonly listener: string; readonly hostname: string }>({
  name: 'self-signed',
  level: 'warn',
  text: 'listener has no certificate; clients are offered a self-signed one',
});

/** A certificate cannot be used. */
export const certificateUnusable = defineEvent<{ readonly error: string }>({
  name: 'certificate-unusable',
  level: 'error',
  text: 'certificate cannot be used',
});

/** Certificates changed; handshakes from now on see the new ones. */
export const certificatesReloaded = defineEvent<{ readonly source: string }>({
  name: 'certificates-reloaded',
  level: 'info',
  text: 'certificates reloaded',
});
