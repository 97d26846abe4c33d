/**
 * What `railpost up` shows: its own progress, and of its processes what is a warning or worse (with --verbose everything).
 */
import type { CommandOutput } from '../command-output.ts';

const warningMarks = [
  '"level":"warn"',
  '"level":"error"',
  ': warning: ',
  ': error: ',
  ' [ERR] ',
  ' [FTL] ',
].map((text) => Buffer.from(text));

/** The terminal of `railpost up`. */
export class Terminal {
  readonly #out: CommandOutput;
  readonly #isVerbose: boolean;

  constructor(out: CommandOutput, isVerbose: boolean) {
    this.#out = out;
    this.#isVerbose = isVerbose;
  }

  /** A line of progress. */
  progress(text: string): void {
    this.#out.result(`railpost: ${text}\n`);
  }

  /** Text as it is. */
  show(text: string): void {
    this.#out.result(text);
  }

  /** A line about one process, or about `configuration`. */
  say(subject: string, text: string): void {
    this.#out.complaint(`${subject}: ${text}\n`);
  }

  /** Shows those lines of a process's log that somebody should see. */
  showLog(name: string, chunk: Buffer): void {
    // Most chunks hold no warning: they are looked at without being split.
    if (!this.#isVerbose && !warningMarks.some((mark) => chunk.includes(mark))) return;
    for (const line of chunk.toString().split('\n')) {
      if (line !== '' && (this.#isVerbose || isWarning(line))) this.say(name, formatLogLine(line));
    }
  }

  /** Shows what a process wrote to standard error, but for what is shown from its log ({@link Terminal.showLog}). */
  showComplaint(name: string, chunk: Buffer): void {
    if (this.#isVerbose) return;
    for (const line of chunk.toString().split('\n'))
      if (line !== '' && !isWarning(line)) this.say(name, line);
  }
}

function isWarning(line: string): boolean {
  return warningMarks.some((mark) => line.includes(mark.toString()));
}

/** What the prefix says already, and what is long. */
const leftOut = new Set(['time', 'level', 'service', 'process', 'event', 'text', 'stack', 'traceparent']);

/** A JSON log line for the eye: level, text, fields; other lines as they are. */
export function formatLogLine(line: string): string {
  if (!line.startsWith('{')) return line;
  let fields: unknown;
  try {
    fields = JSON.parse(line);
  } catch {
    // Half a line: the file has all of it.
    return line;
  }
  if (typeof fields !== 'object' || fields === null) return line;
  const known = new Map<string, unknown>(Object.entries(fields));
  const pairs = [...known]
    .filter(([key]) => !leftOut.has(key))
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return `${String(known.get('level'))}: ${[String(known.get('text')), ...pairs].join(' ')}`;
}
