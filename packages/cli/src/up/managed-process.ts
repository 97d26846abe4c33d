/**
 * A child process that is kept running: its output goes to a log file, which it writes itself (warnings also to the terminal,
 * a moment later), and when it dies it is started again, at once the first time and with growing pauses when it keeps dying.
 * Children are sessions of their own, so that Ctrl-C reaches only `railpost up`, which stops them in order; the IPC channel
 * tells services when `railpost up` itself is gone.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type WriteStream, closeSync, createWriteStream, openSync } from 'node:fs';
import { readEnvironment } from '@railpost/runtime';
import { LogFollower } from './log-follower.ts';
import type { Terminal } from './terminal.ts';

/** What to run. */
export interface ProcessOptions {
  readonly name: string;
  readonly program: string;
  readonly arguments: readonly string[];
  readonly logFile: string;
  /** `service`: one of ours, with an IPC channel; `server`: another's program, which logs to standard error. */
  readonly kind: 'service' | 'server';
  readonly terminal: Terminal;
  /** Longest pause between a death and the next start. */
  readonly longestPauseMs: number;
  /** Variables beside those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Told whenever an incarnation has started. */
  readonly onStarted?: () => void;
}

const firstPauseMs = 200;
/** A process that lived this long starts again without a pause when it dies. */
const healthyMs = 30_000;

/** A process that is kept running until {@link ManagedProcess.stop}. */
export class ManagedProcess {
  readonly name: string;
  readonly #options: ProcessOptions;
  readonly #log: WriteStream;
  readonly #follower: LogFollower;
  #child: ChildProcess | undefined;
  #isStopping = false;
  #pauseMs = firstPauseMs;
  #restartTimer: NodeJS.Timeout | undefined;
  /** Last lines of standard error, for the message when it dies. */
  #lastWords = '';
  /** Exit codes since the start; for those who wait for readiness. */
  #deaths: (number | undefined)[] = [];

  constructor(options: ProcessOptions) {
    this.name = options.name;
    this.#options = options;
    this.#log = createWriteStream(options.logFile, { flags: 'a', mode: 0o600 });
    // A full disk must not end the platform; the terminal still shows warnings.
    this.#log.on('error', () => undefined);
    this.#follower = new LogFollower(options.logFile, (lines) =>
      options.terminal.showLog(options.name, lines),
    );
  }

  /** Process id of the present incarnation; 0 between two. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Exit codes of dead incarnations (undefined: by a signal). */
  get deaths(): readonly (number | undefined)[] {
    return this.#deaths;
  }

  /** What it last wrote to standard error. */
  get lastWords(): string {
    return this.#lastWords.trim();
  }

  /** Starts it. */
  start(): void {
    const { program, kind } = this.#options;
    const output = openLog(this.#options.logFile);
    const child = spawn(program, [...this.#options.arguments], {
      stdio: ['ignore', output ?? 'ignore', 'pipe', ...(kind === 'service' ? (['ipc'] as const) : [])],
      detached: true,
      env: { ...childEnvironment(), ...this.#options.environment },
    });
    if (output !== undefined) closeSync(output);
    const startedAt = performance.now();
    this.#child = child;
    this.#options.onStarted?.();
    child.stderr?.on('data', (chunk: Buffer) => this.#onComplaint(chunk));
    child.once('error', (error) => {
      this.#child = undefined;
      this.#deaths = [...this.#deaths, undefined];
      this.#options.terminal.say(this.name, `cannot be started: ${error.message}`);
    });
    child.once('exit', (code, signal) => this.#onExit(code, signal, performance.now() - startedAt));
  }

  /** Sends SIGTERM and waits for the end, at most `limitMs`; then SIGKILL. It is not started again. */
  async stop(limitMs: number): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#restartTimer);
    const child = this.#child;
    if (child !== undefined) {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = setTimeout(() => {
        this.#options.terminal.say(this.name, 'did not stop in time and is killed');
        child.kill('SIGKILL');
      }, limitMs);
      await exited;
      clearTimeout(timer);
    }
    this.#follower.stop();
    this.#log.end();
  }

  /** SIGKILL, without waiting: for a second Ctrl-C. */
  kill(): void {
    this.#isStopping = true;
    this.#child?.kill('SIGKILL');
  }

  #onComplaint(chunk: Buffer): void {
    this.#log.write(chunk);
    this.#lastWords = (this.#lastWords + chunk.toString()).slice(-2000);
    // What a server logs there is in the file, and is shown from there.
    if (this.#options.kind === 'service') this.#options.terminal.showComplaint(this.name, chunk);
  }

  #onExit(code: number | null, signal: NodeJS.Signals | null, livedMs: number): void {
    this.#child = undefined;
    if (this.#isStopping) return;
    this.#deaths = [...this.#deaths, code ?? undefined];
    if (livedMs > healthyMs) this.#pauseMs = firstPauseMs;
    const pause = this.#pauseMs;
    const how = signal === null ? `ended with code ${String(code)}` : `was ended by ${signal}`;
    this.#options.terminal.say(this.name, `${how}; starts again in ${pause} ms`);
    this.#restartTimer = setTimeout(() => this.start(), pause);
    this.#pauseMs = Math.min(this.#pauseMs * 2, this.#options.longestPauseMs);
  }
}

/** For the child's standard output; undefined when it cannot be opened: the child's lines are lost, not the child. */
function openLog(path: string): number | undefined {
  try {
    return openSync(path, 'a', 0o600);
  } catch {
    return undefined;
  }
}

/** Permits mutants (packages/runtime/src/mutant.ts); no setting, so that no flag can. */
const testBuild = 'RAILPOST_TEST_BUILD';

/** RAILPOST_ variables were read by `railpost up`; children get what it decided, as flags. */
function childEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(readEnvironment()).filter(([name]) => !name.startsWith('RAILPOST_') || name === testBuild),
  );
}
