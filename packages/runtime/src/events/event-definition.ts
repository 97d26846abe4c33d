/**
 * What an event is: name, level, static text, and how it looks in Postfix's log. See define-event.ts for the use.
 */

/** Who must act: error = a human now, warn = a human this week, info = nobody, debug = only while searching. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Program names of Postfix that stand in syslog lines; pflogsumm counts by them. */
export type PostfixProgram =
  | 'smtpd'
  | 'cleanup'
  | 'qmgr'
  | 'smtp'
  | 'lmtp'
  | 'virtual'
  | 'bounce'
  | 'error'
  | 'discard'
  | 'master';

/** How an event looks with `--log-format=postfix`. */
export interface PostfixForm<Fields> {
  readonly program: PostfixProgram | ((fields: Fields) => PostfixProgram);
  /** Text after `postfix/program[pid]: `, or undefined when Postfix would write nothing. */
  line(fields: Fields): string | undefined;
}

/** Declaration of an event. */
export interface EventDefinition<Fields extends object> {
  /** Kebab-case, unique in its service: `disposition`, `session-rejected`. */
  readonly name: string;
  readonly level: LogLevel;
  /** Static sentence; never holds data. */
  readonly text: string;
  /** Absent: `text: field=value ...` under the service's own program name. */
  readonly postfix?: PostfixForm<Fields>;
}
