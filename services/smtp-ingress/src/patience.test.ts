/** One timer for many waits: each still ends at its own time. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Patience } from './patience.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const never = new Promise<void>(() => undefined);

test('gives each promise its own time, however the others end', async () => {
  const patience = new Patience(100);
  const results: (string | boolean)[] = [];
  const note = (name: string) => (isKept: boolean) => results.push(name, isKept);

  void patience.isKept(Promise.resolve()).then(note('kept'));
  await vi.advanceTimersByTimeAsync(60);
  void patience.isKept(never).then(note('first'));
  await vi.advanceTimersByTimeAsync(30);
  void patience.isKept(never).then(note('second'));
  expect(results).toEqual(['kept', true]);

  await vi.advanceTimersByTimeAsync(69);
  expect(results).toEqual(['kept', true]);
  await vi.advanceTimersByTimeAsync(1);
  expect(results).toEqual(['kept', true, 'first', false]);
  await vi.advanceTimersByTimeAsync(30);
  expect(results.slice(4)).toEqual(['second', false]);
});

test('has one timer for many promises, and none when nobody waits', async () => {
  const patience = new Patience(100);

  for (let count = 0; count < 50; count += 1) void patience.isKept(Promise.resolve());
  expect(vi.getTimerCount()).toBe(1);
  await vi.advanceTimersByTimeAsync(100);

  expect(vi.getTimerCount()).toBe(0);
});

test('rejects as the promise does', async () => {
  await expect(new Patience(100).isKept(Promise.reject(new TypeError('bug')))).rejects.toThrow('bug');
});
