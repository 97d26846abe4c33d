/** Mail in every state that it can be in when NATS is lost, and what must have become of it in the end. */
import { expect } from 'vitest';
import { type WholePlatform, until } from './whole-platform.ts';

/** The messages. */
export interface Mail {
  readonly held: string;
  readonly deleted: string;
  /** A report about it is in the spool, the journal does not know yet. */
  readonly settled: string;
  readonly bouncing: string;
  /** `queueId final` of everything that is to be delivered, exactly once, at last; held mail is not among it. */
  readonly owed: readonly string[];
}

/** Finals: `good` are delivered, `later` are deferred until {@link openUp}, `bad` bounce; `two` of the team is deferred too. */
export async function sendMail(platform: WholePlatform): Promise<Mail> {
  platform.canReport = false;
  platform.answer = (final) => {
    if (final.startsWith('bad')) return 'bounced';
    return final.startsWith('later') || final.startsWith('two') ? 'deferred' : 'delivered';
  };
  await platform.startAgent('smtp');
  await platform.startAgent('bounce');
  const done = await platform.accept(['good@a.test']);
  const deferred = await platform.accept(['later@b.test']);
  const held = await platform.accept(['good@c.test'], { isPublished: false });
  await platform.control({ operation: 'hold', queueId: held.queueId });
  await held.publish();
  const released = await platform.accept(['later@d.test']);
  const deleted = await platform.accept(['later@e.test']);
  const partly = await platform.accept(['good@f.test', 'later@g.test']);
  const team = await platform.accept(['team@example.test']);
  const bouncing = await platform.accept(['bad@h.test']);
  const settled = await platform.accept(['later@i.test']);
  const waiting = [
    `${deferred.queueId} later@b.test`,
    `${released.queueId} later@d.test`,
    `${deleted.queueId} later@e.test`,
    `${partly.queueId} later@g.test`,
    `${team.queueId} two@team.test`,
    `${bouncing.queueId} bad@h.test`,
    `${settled.queueId} later@i.test`,
  ];
  await until(() => waiting.every((each) => platform.attempts.includes(each)));
  await until(async () =>
    (await platform.control({ operation: 'list', queue: 'hold', limit: 10 })).some(
      ({ rows }) => rows?.length === 1,
    ),
  );
  for (const operation of ['hold', 'release'] as const)
    await untilChanged(platform, operation, released.queueId);
  const origs = [{ orig: 0, final: 'later@e.test' }];
  await platform.control({ operation: 'delete', queueId: deleted.queueId, origs });
  await until(async () => {
    const rows = await platform.control({ operation: 'list', queueId: deleted.queueId, limit: 10 });
    if (rows.every((each) => each.rows?.length === 0)) return true;
    // It was in an agent's hand.
    await platform.control({ operation: 'delete', queueId: deleted.queueId, origs });
    return false;
  });
  const fresh = await platform.accept(['later@j.test'], { isPublished: false });
  const settles = [{ queueId: settled.queueId, orig: 0, final: 'later@i.test', run: 'r', n: 1 }];
  const report = await platform.accept(['sender@outside.test'], {
    isPublished: false,
    envelope: { reversePath: '', settles },
  });
  await untilQuiet(platform);
  return {
    held: held.queueId,
    deleted: deleted.queueId,
    settled: settled.queueId,
    bouncing: bouncing.queueId,
    owed: [
      `${done.queueId} good@a.test`,
      `${deferred.queueId} later@b.test`,
      `${released.queueId} later@d.test`,
      `${partly.queueId} good@f.test`,
      `${partly.queueId} later@g.test`,
      `${team.queueId} one@team.test`,
      `${team.queueId} two@team.test`,
      `${fresh.queueId} later@j.test`,
      `${report.queueId} sender@outside.test`,
    ],
  };
}

/** From now on everything can be delivered and reported. */
export function openUp(platform: WholePlatform): void {
  platform.canReport = true;
  platform.answer = (final) => (final.startsWith('bad') ? 'bounced' : 'delivered');
}

/** Waits until all owed mail has arrived and nothing but what is held is left, releases that, and counts. */
export async function expectAllOnce(
  platform: WholePlatform,
  mail: Mail,
  more: readonly string[] = [],
): Promise<void> {
  const owed = [...mail.owed, ...more];
  await until(() => owed.every((each) => platform.deliveries.includes(each)), 90_000);
  await untilQuiet(platform);
  expect(platform.attempts.filter((each) => each.startsWith(mail.held))).toEqual([]);
  await platform.control({ operation: 'release', queueId: mail.held });
  const heldFinal = `${mail.held} good@c.test`;
  await until(() => platform.deliveries.includes(heldFinal));
  await untilQuiet(platform);
  expect([...platform.deliveries].sort()).toEqual([...owed, heldFinal].sort());
}

/** Nothing is in an agent's hand, in ACTIVE or on its way to the sender. */
export async function untilQuiet(platform: WholePlatform): Promise<void> {
  await until(async () => {
    const replies = await platform.control({ operation: 'statistics' });
    return replies.every(({ statistics }) => statistics?.inFlight === 0 && statistics.active === 0);
  });
}

async function untilChanged(
  platform: WholePlatform,
  operation: 'hold' | 'release',
  queueId: string,
): Promise<void> {
  await until(async () => {
    const replies = await platform.control({ operation, queueId });
    return replies.some(({ changed }) => (changed ?? 0) > 0);
  });
}
