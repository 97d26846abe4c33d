/**
 * The event log: one line per event to standard output, JSON by default. Events are declared (define-event.ts), never
 * written as free text. Lines are gathered: the first after a pause goes out at the end of its turn of the event loop, and so does
 * every warning with what has come before it; more lines wait until {@link writeEveryMs} have passed since the last write(2), which
 * else would be a large part of what a busy process does.
 */
import { hostname as machineName } from 'node:os';
import { writeSync } from 'node:fs';
import type { EventDefinition, LogLevel } from './event-definition.ts';
import { formatPostfixLine } from './postfix-line.ts';

/** `json`, or `postfix`: syslog-style lines that pflogsumm understands. */
export type LogFormat = 'json' | 'postfix';

const rank: Readonly<Record<LogLevel, number>> = { debug: 10, info: 20, warn: 30, error: 40 };

/** Above this many characters in one turn the lines are written at once, so that a burst cannot fill the memory. */
const writeAtCharacters = 64 * 1024;

/** A line of a busy process waits so long at most, in milliseconds. */
const writeEveryMs = 20;

/** Settings of a log. */
export interface EventLogOptions {
  readonly service: string;
  readonly processName: string;
  readonly format: LogFormat;
  readonly level: LogLevel;
  /** Where lines go; standard output by default. Given one or more complete lines. */
  readonly write?: (lines: string) => void;
  readonly nowMs?: () => number;
  readonly hostname?: string;
}

/** A log of one process. Fails never: what cannot be written (standard output closed) is lost. */
export class EventLog {
  readonly format: LogFormat;
  readonly #options: EventLogOptions;
  readonly #minimum: number;
  readonly #write: (lines: string) => void;
  readonly #hostname: string;
  readonly #heads = new WeakMap<object, string>();
  #timeMs = Number.NaN;
  #timeText = '';
  #pending = '';
  #writtenAtMs = Number.NEGATIVE_INFINITY;
  #isDueThisTurn = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: EventLogOptions) {
    this.#options = options;
    this.format = options.format;
    this.#minimum = rank[options.level];
    this.#write = options.write ?? writeStandardOutput;
    this.#hostname = options.hostname ?? machineName();
  }

  /** True when events of this level are written; for callers that would have to compute fields. */
  isEnabled(level: LogLevel): boolean {
    return rank[level] >= this.#minimum;
  }

  /** Writes one event; called by the functions that defineEvent makes. */
  emit<Fields extends object>(event: EventDefinition<Fields>, fields: Fields): void {
    if (!this.isEnabled(event.level)) return;
    const nowMs = this.#options.nowMs?.() ?? Date.now();
    const line =
      this.format === 'json'
        ? this.#formatJson(event, fields, nowMs)
        : formatPostfixLine(event, fields, {
            nowMs,
            hostname: this.#hostname,
            service: this.#options.service,
            pid: process.pid,
          });
    if (line !== undefined) this.#append(line, event.level);
  }

  /** Writes what is gathered, now. Call before the process exits. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#pending === '') return;
    this.#writtenAtMs = performance.now();
    const lines = this.#pending;
    this.#pending = '';
    this.#write(lines);
  }

  #formatJson<Fields extends object>(event: EventDefinition<Fields>, fields: Fields, nowMs: number): string {
    const rest = JSON.stringify(fields);
    return `{"time":"${this.#time(nowMs)}",${this.#headOf(event)}${rest === '{}' ? '' : `,${rest.slice(1, -1)}`}}`;
  }

  /** RFC 3339, made once per millisecond. */
  #time(nowMs: number): string {
    if (nowMs !== this.#timeMs) {
      this.#timeMs = nowMs;
      this.#timeText = new Date(nowMs).toISOString();
    }
    return this.#timeText;
  }

  /** What all lines of an event share, without braces. */
  #headOf<Fields extends object>(event: EventDefinition<Fields>): string {
    const known = this.#heads.get(event);
    if (known !== undefined) return known;
    const { service, processName } = this.#options;
    const { level, name, text } = event;
    const head = JSON.stringify({ level, service, process: processName, event: name, text }).slice(1, -1);
    this.#heads.set(event, head);
    return head;
  }

  #append(line: string, level: LogLevel): void {
    this.#pending += `${line}\n`;
    if (this.#pending.length >= writeAtCharacters) {
      this.flush();
      return;
    }
    if (this.#isDueThisTurn || (this.#timer !== undefined && rank[level] < rank.warn)) return;
    const waitMs = rank[level] >= rank.warn ? 0 : this.#writtenAtMs + writeEveryMs - performance.now();
    if (waitMs > 0) {
      this.#timer = setTimeout(() => this.flush(), waitMs);
      return;
    }
    this.#isDueThisTurn = true;
    setImmediate(() => {
      this.#isDueThisTurn = false;
      this.flush();
    });
  }
}

/** Synchronous, so that no line is lost at exit; a full pipe (EAGAIN) is retried for a while. */
function writeStandardOutput(lines: string): void {
  const bytes = Buffer.from(lines);
  let written = 0;
  for (let attempt = 0; written < bytes.length && attempt < 1000; attempt += 1) {
    try {
      written += writeSync(1, bytes, written);
    } catch (error) {
      if (!isFullPipe(error)) return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

function isFullPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EAGAIN';
}
