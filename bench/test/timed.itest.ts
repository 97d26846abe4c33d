/** Timed source and sink against each other: every message has both its times. */
import { afterEach, describe, expect, it } from 'vitest';
import { timesOf, waitForArrivals } from '../load/arrivals.ts';
import { type TimedSink, startTimedSink } from '../load/timed-sink.ts';
import { sendTimed } from '../load/timed-source.ts';

describe('timed source and sink', () => {
  let sink: TimedSink | undefined;
  afterEach(() => sink?.close());

  it.each([
    { isKept: true, bytes: 5120 },
    { isKept: false, bytes: 5120 },
    { isKept: true, bytes: 300_000 },
  ])('time every message: kept $isKept, $bytes octets', async ({ isKept, bytes }) => {
    sink = await startTimedSink();

    const load = { port: sink.port, sessions: 3, messages: 20, bytes, isKept, firstNumber: 7 };
    const accepted = await sendTimed({ ...load, recipient: (number) => `x${number}@timed.test` });
    await waitForArrivals(sink, 20);

    expect([...sink.arrivals.keys()].toSorted((left, right) => left - right)).toEqual(
      Array.from({ length: 20 }, (_, index) => index + 7),
    );
    expect(timesOf(accepted, sink).wholes).toHaveLength(20);
  });

  it('keep a rate: the sink takes no more a second than it was told', async () => {
    sink = await startTimedSink(50);

    const startedAt = performance.now();
    const load = { port: sink.port, sessions: 10, messages: 20, bytes: 1024, isKept: true };
    await sendTimed({ ...load, recipient: () => 'x@timed.test' });

    // The first is taken at once, each other a fiftieth of a second after the one before.
    expect(performance.now() - startedAt).toBeGreaterThan(375);
  });
});
