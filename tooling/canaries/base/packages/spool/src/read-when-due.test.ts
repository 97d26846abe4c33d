/** The one unit test of the canary workspace. */
import { expect, it } from 'vitest';
import { readWhenDue } from './index.ts';

it('reads nothing that is not due', async () => {
  expect(await readWhenDue('/', 2, 1)).toBe(undefined);
});
