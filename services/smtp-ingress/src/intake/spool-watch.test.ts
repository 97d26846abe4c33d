/** What the answers, and the silence, of a store mean; on a store whose answers the test decides. */
import { type CreateResult, type ObjectStore, SpoolUnavailableError } from '@railpost/spool';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type SpoolWatch, watchSpool } from './spool-watch.ts';

const refused = new SpoolUnavailableError('cannot create', { effect: 'none', cause: new Error('EROFS') });

let puts: string[];
let answer: (key: string) => Promise<CreateResult>;
let watch: SpoolWatch;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  puts = [];
  answer = () => Promise.resolve('created');
  const store = {
    location: 's3://b/',
    create(key: string) {
      puts.push(key);
      return answer(key);
    },
    remove: () => Promise.resolve(),
  };
  // The watch calls nothing else.
  watch = watchSpool(store as unknown as ObjectStore);
});
afterEach(() => {
  watch.stop();
  vi.useRealTimers();
});

function put(): Promise<unknown> {
  return watch.store.create('segment/x', []).catch(() => undefined);
}

test('a refusal counts when it goes on, and a write that succeeds ends it', async () => {
  answer = () => Promise.reject(refused);
  await put();
  expect(watch.problem()).toBeUndefined();
  await vi.advanceTimersByTimeAsync(600);
  expect(watch.problem()).toBe('s3://b/ takes no writes: EROFS');

  answer = () => Promise.resolve('created');
  await put();

  expect(watch.problem()).toBeUndefined();
});

test('a write without an answer for five seconds is an outage until it is answered', async () => {
  const releases: ((result: CreateResult) => void)[] = [];
  answer = () => new Promise((resolve) => releases.push(resolve));
  const waiting = put();
  await vi.advanceTimersByTimeAsync(4900);
  expect(watch.problem()).toBeUndefined();
  await vi.advanceTimersByTimeAsync(200);
  expect(watch.problem()).toMatch(/has not answered a write for 5 s/);

  for (const release of releases) release('created');
  await waiting;

  expect(watch.problem()).toBeUndefined();
});

test('a write that is given up after seconds leaves no gap in the outage', async () => {
  const rejections: ((error: Error) => void)[] = [];
  answer = () => new Promise((_, reject) => rejections.push(reject));
  const waiting = put();
  await vi.advanceTimersByTimeAsync(6000);
  answer = () => new Promise(() => undefined);

  for (const reject of rejections) reject(refused);
  await waiting;

  expect(watch.problem()).toMatch(/takes no writes/);
});

test('while something is wrong it is tested every second, and the end is noticed without mail', async () => {
  answer = () => Promise.reject(refused);
  await put();
  await vi.advanceTimersByTimeAsync(3000);
  const tests = puts.filter((key) => key.startsWith('probe/')).length;
  expect(tests).toBeGreaterThanOrEqual(2);
  expect(watch.problem()).toBeDefined();

  answer = () => Promise.resolve('created');
  await vi.advanceTimersByTimeAsync(1500);

  expect(watch.problem()).toBeUndefined();
});

test('an idle spool is tested now and then, a busy one never', async () => {
  for (let second = 0; second < 20; second += 1) {
    await put();
    await vi.advanceTimersByTimeAsync(1000);
  }
  expect(puts.filter((key) => key.startsWith('probe/'))).toEqual([]);

  await vi.advanceTimersByTimeAsync(20_000);

  expect(puts.filter((key) => key.startsWith('probe/'))).toHaveLength(1);
});
