/** A test may use the test kit. */
import { temporaryFile } from '@railpost/testkit';
import { expect, it } from 'vitest';
import { readWhenDue } from '../src/index.ts';

it('reads nothing before its time', async () => {
  expect(await readWhenDue(temporaryFile(), 2, 1)).toBe(undefined);
});
