/** Requests over the inbox of our own: whose answer is whose, and what a missing answer is. */
import { randomUUID } from 'node:crypto';
import { type NatsServer, startNatsServer } from '@railpost/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Bus, ask, connectBus, listen } from '../src/index.ts';

let server: NatsServer;
let bus: Bus;

beforeAll(async () => {
  server = await startNatsServer();
  const prefix = `t-${randomUUID().slice(0, 8)}`;
  bus = await connectBus({
    servers: [server.url],
    monitorUrls: [server.monitorUrl],
    prefix,
    name: 'test',
  });
}, 60_000);

afterAll(async () => {
  await bus.close();
  await server.stop();
});

const text = (value: string): Uint8Array => Buffer.from(value);

it('gives each of many requests its own answer, in whatever order they come', async () => {
  const questions = Array.from({ length: 100 }, (_, index) => `${index}`);
  const waiting: (() => void)[] = [];
  const listener = listen(bus, 'echo', async (payload) => {
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
      if (waiting.length === questions.length) for (const each of waiting.toReversed()) each();
    });
    return payload;
  });

  const answers = await Promise.all(questions.map((each) => ask(bus, 'echo', text(each), 20_000)));

  expect(answers.map((each) => (typeof each === 'string' ? each : Buffer.from(each).toString()))).toEqual(
    questions,
  );
  listener.stop();
});

it('tells nobody there from nobody who answered, and an answer that is late is nobody else’s', async () => {
  let release: (() => void) | undefined;
  const listener = listen(bus, 'slow', async (payload) => {
    if (release === undefined) await new Promise<void>((resolve) => (release = resolve));
    return payload;
  });

  expect(await ask(bus, 'nobody', text('x'), 20_000)).toBe('absent');
  expect(await ask(bus, 'slow', text('first'), 100)).toBe('unknown');
  const second = ask(bus, 'slow', text('second'), 20_000);
  release?.();

  expect(Buffer.from((await second) as Uint8Array).toString()).toBe('second');
  listener.stop();
});

it('goes on after the server was away, and does not know what became of a request when the bus is closed', async () => {
  await server.restart();
  const listener = listen(bus, 'later', async (payload) => payload);
  await expect.poll(() => ask(bus, 'later', text('x'), 500), { timeout: 20_000 }).toEqual(text('x'));
  listener.stop();
  const other = await connectBus({
    servers: [server.url],
    monitorUrls: [server.monitorUrl],
    name: 'test',
  });
  const mute = bus.connection.subscribe('mute');
  await bus.connection.flush();

  const asked = ask(other, 'mute', text('x'), 20_000);
  await other.close();

  expect(await asked).toBe('unknown');
  expect(await ask(other, 'mute', text('x'), 20_000)).toBe('unknown');
  mute.unsubscribe();
});
