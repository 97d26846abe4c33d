/** What the keeper remembers of streams, so that an older copy of them is known for what it is (durability rules 17 and 18). */
import { readPosition } from '@railpost/bus';
import { readPositions } from '@railpost/spool';
import { expect, it, onTestFinished } from 'vitest';
import { openWholePlatform, until } from './whole-platform.ts';

it('takes INCOMING for lost that comes back without a message that nobody else had seen', async () => {
  const platform = await openWholePlatform();
  onTestFinished(() => platform.close());
  const { bus, server, store } = platform;
  const incoming = bus.names.incomingStream;
  await server.kill();
  const copy = await platform.copyNats();
  await server.restart();
  await until(() => bus.health().isHealthy);
  const keeper = await platform.start('spool-keeper');
  await platform.accept(['good@a.test']);
  const { lastSequence } = await readPosition(bus, incoming);
  await until(async () => (await readPositions(store, 1))[incoming] === lastSequence);
  await keeper.stop();

  await server.kill();
  await platform.restoreNats(copy);
  await server.restart();

  expect(await platform.prepare()).toBe(2);
}, 120_000);
