/**
 * The folder as source of the configuration: compiles it, publishes it, watches it. An edit takes effect within 2 s and is
 * said; an edit with an error changes nothing, and file, line, field and reason are said. Changes are noticed by fs.watch
 * and, where that is blind (network folders, containers), by looking at names, sizes and times.
 */
import { type FSWatcher, type Stats, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Bus } from '@railpost/bus';
import type { CompilerCrypto } from '@railpost/config';
import { publishConfiguration, readPublishedUnits } from '@railpost/runtime';
import { formatProblem } from '../folder/format-problem.ts';
import {
  type FolderCompilation,
  type FolderContents,
  type FolderLoader,
  compileContents,
  listFiles,
} from '../folder/load-folder.ts';
import type { Terminal } from './terminal.ts';

/** What it works with. */
export interface FolderSourceOptions {
  readonly bus: Bus;
  readonly folders: readonly string[];
  /** The one that read the folders first: it reads only what changed since. */
  readonly loader: FolderLoader;
  readonly crypto: CompilerCrypto;
  readonly terminal: Terminal;
}

const settleMs = 100;
const lookMs = 1000;
/** Time a look may take per file, so that 10,000 files are not looked at every second. */
const lookMsPerFile = 1;

/** A watched folder. */
export class FolderSource {
  readonly #options: FolderSourceOptions;
  readonly #watchers: FSWatcher[] = [];
  #units: ReadonlyMap<string, Uint8Array> = new Map();
  /** What the bucket holds for certain; undefined after a failure. */
  #published: ReadonlyMap<string, Uint8Array> | undefined;
  #fingerprint = '';
  #problems: readonly string[] = [];
  #settleTimer: NodeJS.Timeout | undefined;
  #lookTimer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #removeListener: () => void = () => undefined;
  #work: Promise<void> = Promise.resolve();

  constructor(options: FolderSourceOptions) {
    this.#options = options;
  }

  /** Why what stands in the folder now is not in force; empty when it is. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /**
   * Publishes for the first time what was read already, then watches. True when it had no errors. Rejects when NATS does not
   * answer. @param first the contents, and the fingerprint from before they were read: an edit since then is noticed
   */
  async start(first: { readonly contents: FolderContents; readonly fingerprint: string }): Promise<boolean> {
    this.#units = await readPublishedUnits(this.#options.bus);
    this.#fingerprint = first.fingerprint;
    const isGood = await this.#apply(first.contents);
    for (const folder of this.#options.folders) this.#watch(folder);
    this.#removeListener = this.#options.bus.onReconnect(() => this.#publishAnew());
    this.#lookLater(this.#fingerprint.split('\n').length);
    return isGood;
  }

  /** Stops watching; waits for a publication that is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#removeListener();
    clearTimeout(this.#settleTimer);
    clearTimeout(this.#lookTimer);
    for (const watcher of this.#watchers) watcher.close();
    await this.#work;
  }

  /** NATS was away and may have come back empty, or with an older configuration; until it has this one the look repeats it. */
  #publishAnew(): void {
    this.#published = undefined;
    this.#fingerprint = '';
  }

  #watch(folder: string): void {
    try {
      const watcher = watch(folder, () => this.#changeSoon());
      watcher.on('error', () => watcher.close());
      this.#watchers.push(watcher);
    } catch {
      // No fs.watch here (or no more handles): looking remains.
    }
  }

  /** Editors write in steps: a moment of quiet comes before reading. */
  #changeSoon(): void {
    clearTimeout(this.#settleTimer);
    if (!this.#isClosed) this.#settleTimer = setTimeout(() => this.#enqueue(), settleMs);
  }

  #lookLater(files: number): void {
    if (this.#isClosed) return;
    const pause = Math.max(lookMs, files * lookMsPerFile);
    this.#lookTimer = setTimeout(() => {
      void fingerprintOf(this.#options.folders).then((fingerprint) => {
        if (fingerprint !== this.#fingerprint) this.#changeSoon();
        this.#lookLater(fingerprint.split('\n').length);
      });
    }, pause);
  }

  #enqueue(): void {
    this.#work = this.#work.then(async () => {
      if (this.#isClosed) return;
      const { folders, loader } = this.#options;
      this.#fingerprint = await fingerprintOf(folders);
      await this.#apply(await loader.load(folders));
    });
  }

  async #apply(contents: FolderContents): Promise<boolean> {
    const { bus, crypto, terminal } = this.#options;
    try {
      const previous = this.#units.size === 0 ? undefined : this.#units;
      const compiled = compileContents(contents, crypto, previous);
      if (compiled.hasErrors || compiled.compilation.root === undefined) {
        this.#refuse(compiled);
        return false;
      }
      const published = await publishConfiguration(bus, compiled.compilation.units, this.#published);
      this.#units = compiled.compilation.units;
      this.#published = this.#units;
      const wasRefused = this.#problems.length > 0;
      this.#problems = [];
      if (published.written.length > 0 || wasRefused)
        terminal.progress(
          `configuration revision ${published.revision} in force (${describeChange(published.written, published.deleted)})`,
        );
      return true;
    } catch (error) {
      // NATS is away for the moment: the next look finds the folder changed still.
      this.#fingerprint = '';
      this.#published = undefined;
      terminal.say('configuration', `cannot be published now, will be tried again: ${String(error)}`);
      return false;
    }
  }

  #refuse(compiled: FolderCompilation): void {
    const errors = compiled.problems.filter((each) => each.severity === 'error').map(formatProblem);
    if (compiled.compilation.root === undefined && errors.length === 0)
      errors.push('error: there is no MailPlatform named main');
    this.#problems = errors;
    for (const line of errors) this.#options.terminal.say('configuration', line);
    this.#options.terminal.say('configuration', 'has errors; the one before stays in force');
  }
}

/** Names, sizes and times of all files: equal as long as nothing changed. A folder that cannot be read counts as empty. */
export async function fingerprintOf(folders: readonly string[]): Promise<string> {
  const lines: string[] = [];
  for (const folder of folders) {
    const files = await listFiles(folder).catch(() => []);
    for (const file of files) {
      const facts: Stats | undefined = await stat(file).catch(() => undefined);
      lines.push(`${file} ${facts?.size ?? 0} ${facts?.mtimeMs ?? 0} ${facts?.ino ?? 0}`);
    }
  }
  return lines.join('\n');
}

function describeChange(written: readonly string[], deleted: readonly string[]): string {
  const units = written.filter((key) => key !== 'root').length;
  const gone = deleted.length === 0 ? '' : `, ${deleted.length} deleted`;
  return `${units} unit${units === 1 ? '' : 's'} written${gone}`;
}
