import { expect, test } from 'vitest';
import { StallGuard } from './stall-guard.ts';

function guardWithClock() {
  const clock = { now: 1000, monotonicMs: () => clock.now };
  return { clock, guard: new StallGuard(clock, 15_000) };
}

test('a process that ticks has not stalled', () => {
  const { clock, guard } = guardWithClock();
  const takenMs = clock.now;

  for (let tick = 0; tick < 20; tick += 1) {
    clock.now += 3000;
    guard.tick();
  }

  expect(guard.hasStalledSince(takenMs)).toBe(false);
});

test('a pause is noticed before the first tick after it', () => {
  const { clock, guard } = guardWithClock();
  const takenMs = clock.now;

  clock.now += 15_001;

  expect(guard.hasStalledSince(takenMs)).toBe(true);
});

test('a pause counts only for records sent before its end, which may be read a moment later', () => {
  const { clock, guard } = guardWithClock();
  const beforeMs = clock.now;
  clock.now += 60_000;
  guard.tick();
  const resumedMs = clock.now;
  clock.now += 3000;

  const counts = [beforeMs, resumedMs, resumedMs + 999, resumedMs + 1000].map((takenMs) =>
    guard.hasStalledSince(takenMs),
  );
  expect(counts).toEqual([true, true, true, false]);
});
