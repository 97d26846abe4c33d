/** NATS comes back with a copy of its data from some seconds ago, while an owner lives on (durability rule 18). */
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import {
  type TestPlatform,
  deferred,
  enqueue,
  isDrained,
  makeJob,
  readDefer,
  startAgent,
  startManager,
  until,
} from './harness.ts';
import { openOwnPlatform } from './platforms.ts';

let platform: TestPlatform;

beforeEach(async () => {
  platform = await openOwnPlatform({ backoff: { minimum: '1h', maximum: '1h' } });
});

it('an owner begins from zero when NATS has gone back behind what it wrote', async () => {
  const { server, folder } = platform;
  const copy = join(folder, 'copy');
  await startAgent(platform, 'smtp', deferred);
  const manager = await startManager(platform, ['--lease-ttl', '60s']);
  const [kept, forgotten] = [makeJob(), makeJob()];
  await enqueue(platform, kept);
  await until(async () => (await readDefer(platform, kept)) !== undefined);
  await server.kill();
  await cp(server.storeDir, copy, { recursive: true });
  await server.restart();
  await enqueue(platform, forgotten);
  await until(async () => (await readDefer(platform, forgotten)) !== undefined);
  await until(async () => (await isActiveEmpty()) && !(await isDrained(platform)));

  await server.kill();
  await rm(server.storeDir, { recursive: true, force: true });
  await cp(copy, server.storeDir, { recursive: true });
  await server.restart();

  await until(() => manager.events.some(({ event }) => event === 'shard-left'), 40_000);
  const left = manager.events.find(({ event }) => event === 'shard-left');
  expect(String(left?.['cause'])).toMatch(/_0 ends at \d+, it was at \d+/);
}, 90_000);

async function isActiveEmpty(): Promise<boolean> {
  const { bus } = platform;
  const { state } = await bus.manager.streams.info(bus.names.activeStream(0));
  return state.messages === 0;
}
