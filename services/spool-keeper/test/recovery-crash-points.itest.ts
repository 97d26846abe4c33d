/**
 * NATS loses what it held, and recovery is disturbed while it puts everything back (durability.md, "Crash points", recovery). Each row
 * runs mail in every state: delivered, deferred, held, released, deleted, partly done, bouncing, reported but not journalled, accepted a
 * moment ago. In the end each recipient has what it was owed exactly once, and what was held was not touched.
 */
import { readStreamStates } from '@railpost/bus';
import { readGenerationState, readPositions } from '@railpost/spool';
import { resumeProcess, untilStopped } from '@railpost/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { type Mail, expectAllOnce, openUp, sendMail, untilQuiet } from './recovery-mail.ts';
import { type WholePlatform, openWholePlatform, until } from './whole-platform.ts';

const slowMs = 240_000;

async function open(): Promise<WholePlatform> {
  const platform = await openWholePlatform();
  onTestFinished(() => platform.close());
  await serve(platform);
  return platform;
}

async function serve(platform: WholePlatform): Promise<void> {
  await Promise.all([platform.start('queue-manager'), platform.start('cleanup')]);
}

/** Everything stops, NATS comes back empty, and the platform starts again as `railpost up` starts it. */
async function lose(platform: WholePlatform, team?: readonly string[]): Promise<void> {
  await untilQuiet(platform);
  await platform.killAll();
  await platform.server.wipe();
  expect(await platform.prepare(team)).toBe(2);
  await serve(platform);
}

async function untilRecovered(platform: WholePlatform, generation = 2): Promise<void> {
  await until(async () => {
    const state = await readGenerationState(platform.store);
    return state.generation === generation && state.isRecovered;
  }, 90_000);
}

/** A bounce whose report could not be sent is decided anew; its sender hears of it once. */
function expectBounced(platform: WholePlatform, mail: Mail): void {
  expect(platform.deliveries.filter((each) => each.startsWith(mail.bouncing))).toEqual([]);
}

async function positionsOf({ bus }: WholePlatform): Promise<Readonly<Record<string, number>>> {
  const states = await readStreamStates(bus);
  return Object.fromEntries(states.map(({ name, lastSequence }) => [name, lastSequence]));
}

/** Resolves when the spool knows that INCOMING has come further: a loss of what nobody has written down yet is the orphan check's. */
async function untilRecordedBeyond(
  { bus, store }: WholePlatform,
  positions: Readonly<Record<string, number>>,
): Promise<void> {
  const { incomingStream } = bus.names;
  await until(async () => {
    const recorded = (await readPositions(store, 1))[incomingStream] ?? 0;
    return recorded > (positions[incomingStream] ?? 0);
  });
}

it(
  '[recovery.states kill] a keeper that dies when all is back, but not said to be, changes nothing',
  async () => {
    const platform = await open();
    const mail = await sendMail(platform);
    await lose(platform);
    openUp(platform);
    const doomed = await platform.start('spool-keeper', ['--crash-at', 'recovery.before-mark'], false);
    expect((await doomed.exited).signal).toBe('SIGKILL');
    await platform.start('spool-keeper');

    await untilRecovered(platform);
    await expectAllOnce(platform, mail);
    expectBounced(platform, mail);
  },
  slowMs,
);

it.each([1, 4])(
  '[recovery.re-enqueued kill] dies after message %i',
  async (count) => {
    const platform = await open();
    const mail = await sendMail(platform);
    await lose(platform);
    openUp(platform);
    const doomed = await platform.start('spool-keeper', ['--crash-at', `recovery.put-back:${count}`], false);
    expect((await doomed.exited).signal).toBe('SIGKILL');
    await platform.start('spool-keeper');

    await untilRecovered(platform);
    await expectAllOnce(platform, mail);
  },
  slowMs,
);

it(
  '[recovery.re-enqueued two] two keepers put the same messages back',
  async () => {
    const platform = await open();
    const mail = await sendMail(platform);
    await lose(platform);
    const sleeper = await platform.start('spool-keeper', ['--stop-at', 'recovery.put-back:2'], false);
    await untilStopped(sleeper.pid);
    openUp(platform);
    await platform.start('spool-keeper');
    await untilRecovered(platform);
    resumeProcess(sleeper.pid);

    await expectAllOnce(platform, mail);
  },
  slowMs,
);

it(
  '[recovery.re-enqueued wipe] NATS is lost again in the middle',
  async () => {
    const platform = await open();
    const mail = await sendMail(platform);
    await lose(platform);
    const sleeper = await platform.start('spool-keeper', ['--stop-at', 'recovery.put-back:4'], false);
    await untilStopped(sleeper.pid);
    await platform.server.wipe();
    await platform.untilGeneration(3);
    await platform.configure();
    openUp(platform);
    resumeProcess(sleeper.pid);

    await untilRecovered(platform, 3);
    await expectAllOnce(platform, mail);
  },
  slowMs,
);

it(
  '[recovery.living stop] ingress accepts, repeats a publish, and an agent reports from before',
  async () => {
    const platform = await open();
    const mail = await sendMail(platform);
    let finish: () => void = () => undefined;
    const atFarEnd = new Promise<'delivered'>((resolve) => {
      finish = () => resolve('delivered');
    });
    const { answer } = platform;
    platform.answer = (final, task) => (final === 'slow@k.test' ? atFarEnd : answer(final, task));
    const inHand = await platform.accept(['slow@k.test']);
    await until(() => platform.attempts.includes(`${inHand.queueId} slow@k.test`));
    await platform.killAll();
    await platform.server.wipe();
    await platform.prepare();
    await serve(platform);
    const sleeper = await platform.start('spool-keeper', ['--stop-at', 'recovery.put-back:3'], false);
    await untilStopped(sleeper.pid);
    openUp(platform);
    const meanwhile = await platform.accept(['good@l.test']);
    const repeated = await platform.accept(['good@m.test']);
    await repeated.publish();
    finish();
    resumeProcess(sleeper.pid);

    await untilRecovered(platform);
    await expectAllOnce(platform, mail, [
      `${inHand.queueId} slow@k.test`,
      `${meanwhile.queueId} good@l.test`,
      `${repeated.queueId} good@m.test`,
    ]);
    expect(platform.attempts.filter((each) => each.startsWith(inHand.queueId))).toHaveLength(1);
  },
  slowMs,
);

it(
  '[recovery.changed config] an alias and the number of shards are others than before',
  async () => {
    const platform = await open();
    const mail = await sendMail(platform);
    platform.shards = 3;
    await lose(platform, ['two@team.test', 'three@team.test']);
    openUp(platform);
    await platform.start('spool-keeper');

    await untilRecovered(platform);
    const team = mail.owed.find((each) => each.endsWith('two@team.test'))?.split(' ')[0] ?? '';
    await expectAllOnce(platform, mail, [`${team} three@team.test`]);
  },
  slowMs,
);

it(
  '[recovery.behind wipe] NATS comes back with a copy from before',
  async () => {
    const platform = await open();
    const keeper = await platform.start('spool-keeper');
    await platform.startAgent('smtp');
    const early = await platform.accept(['good@n.test']);
    await until(() => platform.deliveries.includes(`${early.queueId} good@n.test`));
    await untilQuiet(platform);
    const positions = await positionsOf(platform);
    await platform.server.kill();
    const copy = await platform.copyNats();
    await platform.server.restart();
    const mail = await sendMail(platform);
    await untilQuiet(platform);
    await untilRecordedBeyond(platform, positions);
    // While everything runs.
    await platform.server.kill();
    await platform.restoreNats(copy);
    await platform.server.restart();
    await platform.untilGeneration(2);
    openUp(platform);

    await untilRecovered(platform);
    await expectAllOnce(platform, mail, [`${early.queueId} good@n.test`]);
    await keeper.stop();
  },
  slowMs,
);
