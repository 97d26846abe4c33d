/** Planted: a test that does not run. */
import { expect, it } from 'vitest';

it.skip('is forgotten', () => {
  expect(1).toBe(2);
});
