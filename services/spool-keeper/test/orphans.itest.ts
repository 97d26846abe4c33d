/**
 * The orphan check (durability rule 20): nothing is unaccounted for in health, whatever state mail is in; a record that somebody takes out
 * of the queue is missed, and the repair puts the message back without a second delivery of anything.
 */
import { ask } from '@railpost/bus';
import { KeeperReply, type KeeperRequest, encodeRecord, parseRecord } from '@railpost/contracts';
import type { ServiceProcess } from '@railpost/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { openUp, sendMail, untilQuiet } from './recovery-mail.ts';
import { type WholePlatform, openWholePlatform, until } from './whole-platform.ts';

const slowMs = 180_000;

async function open(): Promise<WholePlatform> {
  const platform = await openWholePlatform();
  onTestFinished(() => platform.close());
  return platform;
}

async function askKeeper({ bus }: WholePlatform, request: KeeperRequest): Promise<KeeperReply> {
  let reply: KeeperReply | undefined;
  await until(async () => {
    const answer = await ask(bus, bus.names.keeperControlSubject, encodeRecord(request), 2000);
    if (answer instanceof Uint8Array) reply = KeeperReply.parse(parseRecord(answer));
    return reply !== undefined;
  });
  if (reply === undefined) throw new Error('the keeper does not answer');
  return reply;
}

async function readGauge(keeper: ServiceProcess): Promise<number> {
  const { httpUrl } = await keeper.waitForEvent('starting');
  const text = await (await fetch(`${String(httpUrl)}/metrics`)).text();
  return Number(/^railpost_unaccounted_messages(?:\{.*\})? (\d+)$/m.exec(text)?.[1] ?? Number.NaN);
}

/** Asks for the repair and waits for its end. */
async function repair(
  platform: WholePlatform,
  isDryRun = false,
): Promise<NonNullable<KeeperReply['repair']>> {
  await askKeeper(platform, { operation: 'recover', isDryRun });
  let report: KeeperReply['repair'];
  await until(async () => {
    ({ repair: report } = await askKeeper(platform, { operation: 'status' }));
    return report?.phase === 'done' || report?.phase === 'failed';
  });
  if (report === undefined) throw new Error('there is no report');
  return report;
}

/** Waits for the delivery of the one message and until nothing is missed any more; it was attempted once. */
async function expectDeliveredOnce(
  platform: WholePlatform,
  keeper: ServiceProcess,
  queueId: string,
): Promise<void> {
  await until(() => platform.deliveries.length === 1);
  await until(async () => (await readGauge(keeper)) === 0);
  expect(platform.attempts).toEqual([`${queueId} good@a.test`]);
}

it(
  'misses nothing while mail is in every state and on its way',
  async () => {
    const platform = await open();
    await Promise.all([platform.start('queue-manager'), platform.start('cleanup')]);
    const keeper = await platform.start('spool-keeper');
    await sendMail(platform);
    for (let round = 0; round < 20; round += 1) await platform.accept([`good${round}@a.test`]);
    await untilQuiet(platform);
    // Two were never published: an ingress died between spool and INCOMING. They are missed when they are old enough.
    await until(async () => (await readGauge(keeper)) === 2);
    const before = await repair(platform);

    expect(before).toMatchObject({ phase: 'done', missing: 2, putBack: 2 });
    await until(async () => (await askKeeper(platform, { operation: 'status' })).unaccounted === 0);
    expect(await repair(platform, true)).toMatchObject({ phase: 'done', missing: 0 });
    expect(await readGauge(keeper)).toBe(0);
  },
  slowMs,
);

it(
  'takes the word of owners for what they journalled a moment ago, and reads no young journal for it',
  async () => {
    const platform = await open();
    await platform.startAgent('smtp');
    await Promise.all([platform.start('queue-manager'), platform.start('cleanup')]);
    for (let round = 0; round < 5; round += 1) await platform.accept([`good${round}@a.test`]);
    await until(() => platform.deliveries.length === 5);
    await untilQuiet(platform);
    // Whoever asked the journal now would not find them.
    for await (const { key } of platform.store.list('journal/')) await platform.store.remove(key);
    await platform.start('spool-keeper');

    let report = await repair(platform, true);
    await until(async () => {
      report = await repair(platform, true);
      return report.open === 5;
    });

    expect(report).toMatchObject({ phase: 'done', checked: 5, missing: 0 });
  },
  slowMs,
);

it(
  'misses a record that is taken out of INCOMING, and puts the message back',
  async () => {
    const platform = await open();
    await platform.startAgent('smtp');
    await platform.start('queue-manager');
    const message = await platform.accept(['good@a.test']);
    await platform.bus.manager.streams.purge(platform.bus.names.incomingStream);
    await platform.start('cleanup');
    const keeper = await platform.start('spool-keeper');

    await until(async () => (await readGauge(keeper)) === 1);
    expect((await askKeeper(platform, { operation: 'status' })).unaccountedIds).toEqual([message.queueId]);
    expect(await repair(platform, true)).toMatchObject({
      missing: 1,
      putBack: 0,
      queueIds: [message.queueId],
    });
    expect(platform.attempts).toEqual([]);
    expect(await repair(platform)).toMatchObject({ missing: 1, putBack: 1 });

    await expectDeliveredOnce(platform, keeper, message.queueId);
  },
  slowMs,
);

it(
  'puts a message back unasked when nobody does',
  async () => {
    const platform = await open();
    await platform.startAgent('smtp');
    await platform.start('queue-manager');
    const message = await platform.accept(['good@a.test']);
    await platform.bus.manager.streams.purge(platform.bus.names.incomingStream);
    await platform.start('cleanup');
    const keeper = await platform.start('spool-keeper', ['--repair-after', '500ms']);

    await expectDeliveredOnce(platform, keeper, message.queueId);
  },
  slowMs,
);

it(
  'misses a record that is taken out of ACTIVE',
  async () => {
    const platform = await open();
    await platform.startAgent('smtp');
    await platform.start('cleanup');
    const { bus } = platform;
    const active = bus.names.activeStream(0);
    const message = await platform.accept(['good@a.test']);
    await until(async () => (await bus.manager.streams.info(active)).state.messages === 1);
    await bus.manager.streams.purge(active);
    await platform.start('queue-manager');
    const keeper = await platform.start('spool-keeper');

    await until(async () => (await readGauge(keeper)) === 1);
    await repair(platform);

    await expectDeliveredOnce(platform, keeper, message.queueId);
  },
  slowMs,
);

it(
  'misses a record that is taken out of DEFER, and delivers only what is not done',
  async () => {
    const platform = await open();
    platform.answer = (final) => (final.startsWith('later') ? 'deferred' : 'delivered');
    await platform.startAgent('smtp');
    await Promise.all([platform.start('queue-manager'), platform.start('cleanup')]);
    const keeper = await platform.start('spool-keeper');
    const { bus } = platform;
    const held = await platform.accept(['later@h.test']);
    await until(() => platform.attempts.includes(`${held.queueId} later@h.test`));
    await until(async () => {
      const replies = await platform.control({ operation: 'hold', queueId: held.queueId });
      return replies.some(({ changed }) => changed === 1);
    });
    const message = await platform.accept(['good@a.test', 'later@b.test']);
    await until(() => platform.attempts.filter((each) => each.startsWith(message.queueId)).length >= 2);
    await untilQuiet(platform);
    const stream = bus.names.deferStream(0);
    await bus.manager.streams.purge(stream, { filter: `${bus.names.prefix}.def.0.smtp_003ab_002etest.>` });
    await bus.manager.streams.purge(stream, { filter: `${bus.names.prefix}.def.0.smtp_003ah_002etest.>` });

    await until(async () => (await readGauge(keeper)) >= 1);
    openUp(platform);
    await repair(platform);

    const arrived = () => platform.deliveries.filter((each) => each.startsWith(message.queueId)).sort();
    await until(() => arrived().length === 2);
    await until(async () => (await readGauge(keeper)) === 0);
    expect(arrived()).toEqual([`${message.queueId} good@a.test`, `${message.queueId} later@b.test`]);
    // What was held is held still, by its record or by what the journal knows.
    expect(platform.deliveries.filter((each) => each.startsWith(held.queueId))).toEqual([]);
  },
  slowMs,
);
