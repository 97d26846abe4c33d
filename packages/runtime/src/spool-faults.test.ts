import { type ObjectStore, ObjectMissingError, SpoolUnavailableError } from '@railpost/spool';
import { expect, it } from 'vitest';
import { noteSpoolFaults } from './spool-faults.ts';

function given() {
  let nowMs = 0;
  let read: () => Promise<Uint8Array> = () => Promise.resolve(new Uint8Array(0));
  const inner = { location: 's3://b/', read: () => read() };
  // Nothing else is called here.
  const noted = noteSpoolFaults(inner as unknown as ObjectStore, () => nowMs);
  return {
    problems: () => noted.problems(),
    async read(answer: () => Promise<Uint8Array>) {
      read = answer;
      await noted.store.read('k').catch(() => undefined);
    },
    pass(milliseconds: number) {
      nowMs += milliseconds;
    },
  };
}

const refused = () =>
  Promise.reject(new SpoolUnavailableError('x', { effect: 'none', cause: new Error('ECONNREFUSED') }));

it('a fault is stated until a read succeeds', async () => {
  const store = given();
  expect(store.problems()).toEqual([]);

  await store.read(refused);
  expect(store.problems()).toEqual(['the spool at s3://b/ cannot be read: ECONNREFUSED']);

  await store.read(() => Promise.resolve(new Uint8Array(1)));
  expect(store.problems()).toEqual([]);
});

it('a process that reads no more states nothing after a minute', async () => {
  const store = given();
  await store.read(refused);

  store.pass(60_000);

  expect(store.problems()).toEqual([]);
});

it('an object that is not there is no fault of the spool', async () => {
  const store = given();

  await store.read(() => Promise.reject(new ObjectMissingError('k')));

  expect(store.problems()).toEqual([]);
});
