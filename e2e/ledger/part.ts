/**
 * One part of a run: a platform on one layout, a load, strikes of the faults that belong there, two minutes to drain, and the judgement.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Platform, startPlatform } from '../support/platform.ts';
import type { Arena } from './arena.ts';
import { Book, arrivalOf, keyOf } from './book.ts';
import { startFarEndThread } from './far-end-thread.ts';
import { type Fault, faults } from './faults.ts';
import { Load, type LoadSummary } from './load.ts';
import { MailboxReader } from './mailbox-reader.ts';
import { ledgerManifests } from './manifests.ts';
import { isIntact, readMark } from './message-plan.ts';
import { PartLog } from './part-log.ts';
import type { PartPlan } from './part-plan.ts';
import { ProcessWatch } from './process-watch.ts';
import { Random } from './random.ts';
import { type Surroundings, setUp } from './surroundings.ts';
import { unaccountedMessages } from './unaccounted.ts';
import { type Outage, type Verdict, judge } from './verdict.ts';

/** How a part ended. */
export interface PartResult extends Verdict {
  readonly part: number;
  readonly layout: string;
  readonly strikes: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly drainSeconds: number;
  readonly load: LoadSummary;
}

/** What a part needs beside its plan. */
export interface PartOptions {
  readonly seed: string;
  /** Folder of this part; what is in it is removed before the start. */
  readonly folder: string;
  readonly clients: number;
  /** Further arguments of `railpost up`, for canaries. */
  readonly upArguments?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** For a canary: arrivals that the far ends forget. */
  readonly forgets?: (number: number) => boolean;
}

const stopSignals = ['SIGINT', 'SIGTERM'] as const;
/** Exit code of a program that was interrupted. */
const interrupted = 130;
const drainLimitMs = 120_000;
const mostPending = 1000;
const readMailboxesEveryMs = 500;
/** After a fault outcomes may still wait for an owner. */
const recoversWithinMs = 15_000;

/** Runs it. @throws Error when the platform cannot be started at all */
export async function runPart(plan: PartPlan, options: PartOptions): Promise<PartResult> {
  await rm(options.folder, { recursive: true, force: true });
  await mkdir(options.folder, { recursive: true });
  const part = new Part(plan, options);
  // Whoever stops the ledger must not find a platform and file systems left behind.
  const onSignal = () => void part.dispose().finally(() => process.exit(interrupted));
  for (const name of stopSignals) process.once(name, onSignal);
  try {
    return await part.run();
  } finally {
    for (const name of stopSignals) process.removeListener(name, onSignal);
    await part.dispose();
  }
}

class Part {
  readonly #plan: PartPlan;
  readonly #options: PartOptions;
  readonly #log: PartLog;
  readonly #book: Book;
  readonly #watch: ProcessWatch;
  readonly #startedAt = performance.now();
  readonly #outages: Outage[] = [];
  readonly #strikes: Record<string, number> = {};
  readonly #undo: (() => Promise<unknown>)[] = [];
  readonly #run: string;
  #platform: Platform | undefined;
  #kills = 0;
  #unannouncedDeath = 'died by itself';

  constructor(plan: PartPlan, options: PartOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#run = `${options.seed}.${plan.part}.${Date.now().toString(36)}`;
    this.#log = new PartLog(join(options.folder, 'events.log'));
    this.#book = new Book(join(options.folder, 'offers.log'));
    this.#undo.push(async () => {
      this.#book.close();
      this.#log.close();
    });
    this.#watch = new ProcessWatch(
      async () => (await this.#platform?.processes()) ?? [],
      () => this.#unannouncedDeath,
    );
  }

  async run(): Promise<PartResult> {
    const { messages } = this.#plan;
    const arena = await this.#open();
    const stopReading = this.#readMailboxes();
    const load = new Load({
      seed: this.#seed,
      run: this.#run,
      messages,
      clients: this.#options.clients,
      mostPending,
      book: this.#book,
      port: () => arena.platform.ports.mx,
    });
    const sending = load.run();
    await this.#strikeAll(arena, load);
    const summary = await sending;
    this.#log.note(`all sent: ${this.#book.accepted} accepted, ${summary.again} offered again`);
    const drainMs = await this.#drain(arena);
    const vanished = (await stopReading()).map((path) => `VANISHED from a mailbox: ${path}`);
    return await this.#judge(arena, { load: summary, drainMs, vanished });
  }

  async dispose(): Promise<void> {
    for (const step of this.#undo.splice(0).reverse())
      await step().catch((error: unknown) => this.#log.note(`could not be undone: ${String(error)}`));
  }

  get #seed(): string {
    return `${this.#options.seed}/${this.#plan.part}`;
  }

  async #open(): Promise<Arena> {
    const { folder, upArguments = [], environment = {} } = this.#options;
    const surroundings = await setUp(this.#plan.layout, folder);
    this.#undo.push(() => surroundings.dispose());
    this.#unannouncedDeath = surroundings.unannouncedDeath ?? this.#unannouncedDeath;
    const farEnds = await startFarEndThread({
      run: this.#run,
      book: this.#book,
      ...(this.#options.forgets === undefined ? {} : { forgets: this.#options.forgets }),
    });
    this.#undo.push(() => farEnds.stop());
    this.#watch.onLiving((living) => farEnds.setLiving(living));
    const platformFolder = surroundings.folder ?? join(folder, 'platform');
    await mkdir(platformFolder, { recursive: true });
    const platform = await startPlatform({
      manifests: ({ mx }) => ledgerManifests(mx, farEnds.ports),
      arguments: [...surroundings.arguments, ...upArguments],
      environment,
      folder: platformFolder,
    });
    this.#platform = platform;
    this.#undo.push(() => platform.stop());
    await surroundings.onStarted?.();
    this.#watch.start();
    this.#undo.push(async () => this.#watch.close());
    return this.#arenaOf(platform, surroundings, farEnds.ports);
  }

  #arenaOf(platform: Platform, surroundings: Surroundings, ports: Arena['ports']): Arena {
    const random = new Random(`${this.#seed}/strikes`);
    const note = (text: string) => this.#log.note(text);
    return { platform, watch: this.#watch, random, ports, surroundings, note };
  }

  /** Looks into the mailboxes until told to stop; resolves then with the files that had been there and are not any more. */
  #readMailboxes(): () => Promise<string[]> {
    const { data = '' } = this.#platform ?? {};
    const reader = new MailboxReader(join(data, 'mail'));
    let isOver = false;
    const read = async (): Promise<void> => {
      for (const { recipient, content } of await reader.read()) {
        const mark = readMark(content);
        if (mark?.run === this.#run)
          this.#book.noteArrival(
            arrivalOf(mark, { recipient, worker: 'none', isIntact: isIntact(content, mark) }),
          );
      }
    };
    const loop = (async () => {
      while (!isOver) {
        await read();
        await sleep(readMailboxesEveryMs);
      }
    })();
    return async () => {
      isOver = true;
      await loop;
      await read();
      return await reader.missing();
    };
  }

  /** Each strike when the load has come so far; the last strikes need not wait for a load that is through. */
  async #strikeAll(arena: Arena, load: Load): Promise<void> {
    const { strikes, messages } = this.#plan;
    const lasting = new Map<string, Promise<void>>();
    for (const { fault: name, afterMessages, pauseMs } of strikes) {
      const fault = faults[name];
      if (fault === undefined) throw new RangeError(`there is no fault ${name}`);
      while (messages - load.left < afterMessages) await sleep(20);
      await sleep(pauseMs);
      await lasting.get(name);
      const strike = this.#strike(arena, name, fault);
      if (!fault.isLasting) await strike;
      // What it rejects with is thrown when it is waited for.
      else lasting.set(name, (strike.catch(() => undefined), strike));
    }
    await Promise.all(lasting.values());
  }

  async #strike(arena: Arena, name: string, fault: Fault): Promise<void> {
    const fromMs = Date.now();
    await fault.strike(arena);
    if (fault.hinders) this.#outages.push({ fromMs, untilMs: Date.now() + recoversWithinMs });
    this.#strikes[name] = (this.#strikes[name] ?? 0) + 1;
    if (fault.kills) this.#kills += 1;
  }

  /** Without an owner, or without NATS, nothing that was delivered can be written down. */
  #outagesByDeath(): Outage[] {
    return this.#watch.deaths
      .filter(({ name }) => name.startsWith('queue-manager') || name.startsWith('nats-server'))
      .map(({ atMs }) => ({ fromMs: atMs, untilMs: atMs + recoversWithinMs }));
  }

  /** Waits until everything accepted has come to its end, the queue is empty and nothing unaccounted for; at most 120 s. */
  async #drain(arena: Arena): Promise<number> {
    const startedAt = performance.now();
    const passed = () => performance.now() - startedAt;
    while (this.#book.pending.size > 0 && passed() < drainLimitMs) await sleep(100);
    while (!(await isQuiet(arena)) && passed() < drainLimitMs) await sleep(500);
    this.#log.note(`drained in ${Math.round(passed())} ms, ${this.#book.pending.size} pending`);
    return passed();
  }

  async #judge(
    arena: Arena,
    { load, drainMs, vanished }: { load: LoadSummary; drainMs: number; vanished: readonly string[] },
  ): Promise<PartResult> {
    const queued = await queuedKeys(arena);
    const verdict = judge({
      offers: this.#book.offers,
      arrivals: this.#book.arrivals,
      deaths: this.#watch.deaths,
      outages: [...this.#outages, ...this.#outagesByDeath()],
      queued: queued ?? new Set(),
      kills: this.#kills,
    });
    const wrong = [...verdict.wrong, ...vanished, ...(await this.#stillQueued(arena, queued))];
    for (const line of [...verdict.explained, ...wrong]) this.#log.note(line);
    const result: PartResult = {
      ...verdict,
      wrong,
      part: this.#plan.part,
      layout: this.#plan.layout,
      strikes: this.#strikes,
      seconds: Math.round((performance.now() - this.#startedAt) / 1000),
      drainSeconds: Math.round(drainMs / 1000),
      load,
    };
    await writeFile(join(this.#options.folder, 'result.json'), `${JSON.stringify(result, undefined, 2)}\n`);
    return result;
  }

  /** Whatever stands in a queue after the drain is wrong, also when it is only a DSN or already delivered. */
  async #stillQueued(arena: Arena, queued: ReadonlySet<string> | undefined): Promise<string[]> {
    if (queued === undefined) return ['the queue cannot be listed after the drain'];
    const unaccounted = await unaccountedMessages(arena.platform.healthPort);
    if (unaccounted > 0) return [`UNACCOUNTED: railpost_unaccounted_messages is ${unaccounted}`];
    if (queued.size === 0) return [];
    const { stdout } = await arena.platform.command('queue', 'list', '--limit', '20');
    return [`STUCK ${queued.size} entries in the queue:\n${stdout.trimEnd()}`];
  }
}

async function isQuiet(arena: Arena): Promise<boolean> {
  const queued = await queuedKeys(arena);
  return queued?.size === 0 && (await unaccountedMessages(arena.platform.healthPort)) === 0;
}

/** `<number> <recipient>` of what is queued (of a DSN `- <recipient>`); undefined when it cannot be told. */
async function queuedKeys(arena: Arena): Promise<Set<string> | undefined> {
  const { code, stdout } = await arena.platform.command('queue', 'list', '--json', '--limit', '100000');
  if (code !== 0) return undefined;
  const entries: unknown = JSON.parse(stdout);
  const keys = new Set<string>();
  for (const entry of Array.isArray(entries) ? entries : []) {
    const fields: Record<string, unknown> = { ...entry };
    const { reversePath, recipients } = fields;
    const number = /^s(\d+)@/.exec(String(reversePath))?.[1];
    for (const recipient of Array.isArray(recipients) ? recipients : ['?'])
      keys.add(number === undefined ? `- ${recipient}` : keyOf(Number(number), String(recipient)));
  }
  return keys;
}
