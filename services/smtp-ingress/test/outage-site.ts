/**
 * One ingress that loses something it stands on: what clients hear meanwhile, what operators see, and what the spool holds afterwards.
 */
import { type ObjectStore, openObjectStore, readSegment } from '@railpost/spool';
import type { NatsServer, ServiceProcess } from '@railpost/testkit';
import { expect } from 'vitest';
import { TestClient, beginMessage, sendData } from './client.ts';
import { type TestPlatform, openPlatform, until } from './harness.ts';

/** Longest time for an answer: 10 s for the PUT, 5 s for looking at it, 5 s for the void object, and a loaded machine. */
export const answerMs = 30_000;

/** How to begin. */
export interface Beginning {
  readonly nats: NatsServer;
  /** What ingress is told; the test reads by `direct`, which no fault is in the way of. */
  readonly spool?: string;
  readonly direct?: string;
  readonly flags?: readonly string[];
}

/** One outage, and how it shows. */
export interface OutageCase {
  readonly part: string;
  readonly reply: RegExp;
  readonly says: RegExp;
  readonly start: () => Promise<unknown> | void;
  readonly end: () => Promise<unknown> | void;
}

/** Matches a reply that accepts. */
export const accepted: unknown = expect.stringMatching(/^250 /);

/** The reply that came, or `silence`: closed without one; `hang`: neither. */
type Heard = string;

/** An ingress of its own on a platform of its own. */
export class OutageSite {
  readonly platform: TestPlatform;
  readonly client: TestClient;
  readonly #store: ObjectStore;
  readonly ingress: ServiceProcess;

  private constructor(platform: TestPlatform, store: ObjectStore, ingress: ServiceProcess) {
    this.platform = platform;
    this.client = new TestClient(platform);
    this.#store = store;
    this.ingress = ingress;
  }

  /** Starts it. */
  static async open({ nats, spool, direct = spool, flags = [] }: Beginning): Promise<OutageSite> {
    const platform = await openPlatform(nats);
    const store = direct === undefined ? platform.store : await openObjectStore(direct);
    const settings = [...(spool === undefined ? [] : ['--spool', spool]), ...flags];
    return new OutageSite(platform, store, await platform.start(settings));
  }

  /** Ends it. */
  async close(): Promise<void> {
    this.client.close();
    await this.platform.close();
  }

  /** A message by DATA or BDAT on a connection of its own; the first reply that is not a step on the way. */
  async send(verb: 'DATA' | 'BDAT', content = 'Subject: x\r\n\r\nbody\r\n'): Promise<Heard> {
    const script = await this.client.connect(this.platform.ports.mx, { replyMs: answerMs });
    await script.ask('EHLO client.test');
    try {
      if (verb === 'DATA') return await sendData(script, content);
      await beginMessage(script);
      script.write(`BDAT ${content.length} LAST\r\n${content}`);
      return (await script.reply()).text;
    } catch {
      return script.hasEnded ? 'silence' : 'hang';
    } finally {
      script.close();
    }
  }

  /** Both verbs at once, and how long the slower one took. */
  async sendBoth(): Promise<{ readonly replies: Heard[]; readonly tookMs: number }> {
    const startedAt = performance.now();
    const replies = await Promise.all([this.send('DATA'), this.send('BDAT')]);
    return { replies, tookMs: performance.now() - startedAt };
  }

  /** Asks the probe server. */
  async ask(path: string): Promise<string> {
    const url = String(this.ingress.events.find(({ event }) => event === 'starting')?.['httpUrl']);
    return (await fetch(`${url}${path}`)).text();
  }

  /** Waits until the metric names the part, or `none`. */
  async untilOutage(part: string): Promise<void> {
    const shown = async (): Promise<string> =>
      /railpost_outage\{part="(\w+)"\} 1/.exec(await this.ask('/metrics'))?.[1] ?? 'none';
    await until(async () => (await shown()) === part, answerMs);
  }

  /** Messages that the spool holds. */
  async countSpooled(): Promise<number> {
    let count = 0;
    for await (const { key } of this.#store.list('segment/'))
      count += (await readSegment(this.#store, key)).records.length;
    return count;
  }
}

/** The outage, from its beginning to its end, as clients and operators see it. */
export async function expectOutage(site: OutageSite, outage: OutageCase): Promise<void> {
  const { part, reply, says, start, end } = outage;
  const before = await site.sendBoth();
  expect(before.replies).toEqual([accepted, accepted]);
  await start();

  const first = await site.sendBoth();

  expect(first.tookMs).toBeLessThan(answerMs);
  expect(first.replies).not.toContain('hang');
  await site.untilOutage(part);
  const during = await site.sendBoth();
  expect(during.replies).toEqual([expect.stringMatching(reply), expect.stringMatching(reply)]);
  // At once, not after the deadline of a PUT: with room for a loaded machine.
  expect(during.tookMs).toBeLessThan(9000);
  expect(await site.ask('/readyz')).toBe('ready\n');
  expect(await site.ask('/health')).toMatch(says);
  expect(site.ingress.events.some(({ event }) => event === 'outage-began')).toBe(true);

  await end();
  await site.untilOutage('none');
  const after = await site.sendBoth();
  expect(after.replies).toEqual([accepted, accepted]);
  expect(await site.ask('/health')).not.toContain('no mail is taken');
  await expectKept(site, [...before.replies, ...first.replies, ...after.replies]);
}

/** Every 250 is in the spool; of what nobody answered for there may be something; of what was refused there is nothing. */
export async function expectKept(site: OutageSite, replies: readonly Heard[]): Promise<void> {
  const kept = replies.filter((each) => each.startsWith('250 ')).length;
  const silent = replies.filter((each) => each === 'silence').length;
  const spooled = await site.countSpooled();
  expect(spooled).toBeGreaterThanOrEqual(kept);
  expect(spooled).toBeLessThanOrEqual(kept + silent);
}
