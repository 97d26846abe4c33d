import { type DeliveryOutcome, OutcomeFrame, busNames, parseRecord } from '@railpost/contracts';
import type { Bus } from '@railpost/bus';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Epochs } from './epochs.ts';
import { OutcomeReporter } from './outcome-reporter.ts';

let nowMs: number;
let frames: OutcomeFrame[];
let reporter: OutcomeReporter;
/** What a request is answered; nobody answers at first. */
let answer: () => Promise<unknown>;

beforeEach(() => {
  nowMs = 1000;
  frames = [];
  vi.useFakeTimers();
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
  const request = ({ payload }: { readonly payload: Uint8Array }) => {
    frames.push(OutcomeFrame.parse(parseRecord(payload)));
    return answer();
  };
  answer = () => new Promise(() => undefined);
  // What the reporter uses of it.
  const bus = { names: busNames('rp'), inbox: { request } } as unknown as Bus;
  const onSettled = () => undefined;
  reporter = new OutcomeReporter({ bus, worker: 'w', epochs: new Epochs(), onSettled });
});

afterEach(() => {
  reporter.close();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function outcome(jobId: string): DeliveryOutcome {
  return {
    ...{ version: 1, jobId, queueId: 'q', destination: 'smtp:x', task: 'deliver', recipients: [] },
    ...{ content: 'read', isOwnFault: false, isDestinationFault: false },
  };
}

function idsOf(frame: OutcomeFrame | undefined): string[] | undefined {
  return frame?.outcomes.map(({ jobId }) => jobId);
}

describe('an outcome that may wait', () => {
  it('goes out with what comes within some milliseconds', () => {
    reporter.report(0, outcome('a'), true);
    reporter.report(0, outcome('b'), true);

    expect(frames).toHaveLength(0);
    vi.advanceTimersByTime(10);
    expect(frames.map(idsOf)).toEqual([['a', 'b']]);
  });

  it('waits no longer on a machine that is late with its timers', () => {
    reporter.report(0, outcome('a'), true);
    nowMs += 10;
    reporter.report(0, outcome('b'), true);

    expect(frames.map(idsOf)).toEqual([['a', 'b']]);
  });
});

it('an outcome that somebody waits for goes out in the same turn', () => {
  reporter.report(0, outcome('a'));
  reporter.report(0, outcome('b'));

  vi.advanceTimersByTime(0);
  expect(frames.map(idsOf)).toEqual([['a', 'b']]);
});

describe('a shard', () => {
  it('is stalled when its owner has not answered for a second', async () => {
    reporter.report(0, outcome('a'));
    await vi.advanceTimersByTimeAsync(0);

    nowMs += 900;
    expect(reporter.isStalled(0)).toBe(false);
    nowMs += 200;
    expect(reporter.isStalled(0)).toBe(true);
    expect(reporter.isStalled(1)).toBe(false);
  });

  it('is stalled as soon as nobody listens, until an owner speaks, who hears at once what is owed', async () => {
    answer = () => Promise.resolve('absent');
    reporter.report(0, outcome('a'));
    await vi.advanceTimersByTimeAsync(1);

    expect(reporter.isStalled(0)).toBe(true);
    expect(frames).toHaveLength(1);

    answer = () => new Promise(() => undefined);
    reporter.noteOwner(0);
    await vi.advanceTimersByTimeAsync(0);
    expect(reporter.isStalled(0)).toBe(false);
    expect(frames.map(idsOf)).toEqual([['a'], ['a']]);
  });
});
