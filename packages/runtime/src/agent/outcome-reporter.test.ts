import { type DeliveryOutcome, OutcomeFrame, busNames, parseRecord } from '@railpost/contracts';
import type { Bus } from '@railpost/bus';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Epochs } from './epochs.ts';
import { OutcomeReporter } from './outcome-reporter.ts';

let nowMs: number;
let frames: OutcomeFrame[];
let reporter: OutcomeReporter;

beforeEach(() => {
  nowMs = 1000;
  frames = [];
  vi.useFakeTimers();
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
  const request = ({ payload }: { readonly payload: Uint8Array }) => {
    frames.push(OutcomeFrame.parse(parseRecord(payload)));
    return new Promise(() => undefined);
  };
  // What the reporter uses of it; nobody answers.
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
