/** The crash point of the fence that no process can be stopped at: a DEFER write without an answer, on its way while its owner goes on (rule 4). */
import { randomUUID } from 'node:crypto';
import { encodeRecord } from '@railpost/contracts';
import { startNatsServer, untilStopped } from '@railpost/testkit';
import { expect, it } from 'vitest';
import { connectBus, ensureStreams, openFence } from '../src/index.ts';
import { requestPublish } from '../src/publish-answer.ts';

/** What NATS answers to a write that expects another `_epoch` record. */
const wrongLastSequence = 10071;

it('[takeover.late-write unanswered] a write that lands after its owner moved the fence is refused', async () => {
  const server = await startNatsServer();
  const bus = await connectBus({
    servers: [server.url],
    monitorUrls: [server.monitorUrl],
    prefix: `t-${randomUUID().slice(0, 8)}`,
    name: 'test',
    publishTimeoutMs: 1000,
  });
  await ensureStreams(bus, { shards: 1, generation: 1 });
  const writer = await (await openFence(bus, 0, 'a')).claim();
  const before = writer.epoch;
  const subject = bus.names.deferSubject(0, 'smtp:x.test', 'j1');

  server.pause();
  await untilStopped(server.pid);
  const writing = writer.write(subject, encodeRecord('sent again'));
  // Longer than the answer is waited for: the fence moves as soon as NATS goes on.
  await expect.poll(() => writer.problem, { timeout: 20_000 }).toBe('DEFER does not answer');
  server.resume();
  await writing;
  // The first sending, as a network would bring it that kept it back: with the epoch of its time.
  const late = await requestPublish(
    bus,
    {
      subject,
      payload: encodeRecord('late'),
      headers: {
        'Nats-Expected-Last-Subject-Sequence': String(before),
        'Nats-Expected-Last-Subject-Sequence-Subject': bus.names.epochSubject(0),
      },
    },
    5000,
  );

  expect(writer.epoch).toBeGreaterThan(before);
  expect(late).toMatchObject({ kind: 'refused', code: wrongLastSequence });
  const last = await bus.manager.streams.getMessage(bus.names.deferStream(0), { last_by_subj: subject });
  expect(last?.json()).toBe('sent again');
  await bus.close();
  await server.stop();
}, 120_000);
