import { describe, expect, it } from 'vitest';
import { Epochs } from './epochs.ts';
import { SilenceWatch } from './silence-watch.ts';

describe('epochs', () => {
  it.each([
    { heard: [5], then: 5, admitted: true },
    { heard: [5], then: 6, admitted: true },
    { heard: [5], then: 4, admitted: false },
    { heard: [5, 9, 7], then: 8, admitted: false },
    { heard: [], then: 0, admitted: true },
  ])('after $heard admits $then: $admitted', ({ heard, then, admitted }) => {
    const epochs = new Epochs();
    for (const epoch of heard) epochs.admit(0, epoch);

    expect(epochs.admit(0, then)).toBe(admitted);
  });

  it('keeps shards apart', () => {
    const epochs = new Epochs();
    epochs.admit(0, 100);

    expect(epochs.admit(1, 1)).toBe(true);
    expect(epochs.highest(0)).toBe(100);
  });
});

describe('silence watch', () => {
  function watch() {
    const state = { ageMs: 0, transitMs: 0, nowMs: 1000 };
    const silence = new SilenceWatch({
      lastAnswerAgeMs: () => state.ageMs,
      transitAgeMs: () => state.transitMs,
      monotonicMs: () => state.nowMs,
    });
    return { state, silence };
  }

  it('lets no offer be taken that may have been on its way for longer than its owner waits', () => {
    const { state, silence } = watch();

    state.transitMs = 2500;
    expect(silence.mayTake()).toBe(true);
    state.transitMs = 2501;
    expect(silence.mayTake()).toBe(false);
  });

  it('lets a job be committed while NATS answers', () => {
    const { state, silence } = watch();
    const { era } = silence;
    state.nowMs += 900;

    expect(silence.mayCommit(era)).toBe(true);
  });

  it('refuses a job while NATS has been silent for more than 10 s', () => {
    const { state, silence } = watch();
    state.ageMs = 10_001;

    expect(silence.mayCommit(silence.era)).toBe(false);
  });

  it('refuses a job from before the silence even when NATS answers again, and admits later ones', () => {
    const { state, silence } = watch();
    const before = silence.era;
    state.ageMs = 12_000;
    silence.sample();
    state.ageMs = 0;

    expect(silence.mayCommit(before)).toBe(false);
    expect(silence.mayCommit(silence.era)).toBe(true);
  });

  it('takes its own sleep for silence: a stopped process may have lost its jobs', () => {
    const { state, silence } = watch();
    const before = silence.era;
    state.nowMs += 30_000;

    expect(silence.mayCommit(before)).toBe(false);
    expect(silence.mayCommit(silence.era)).toBe(true);
  });
});
