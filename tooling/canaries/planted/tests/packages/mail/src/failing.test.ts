/** Planted: a test that fails. */
import { expect, it } from 'vitest';

it('holds that one is two', () => {
  expect(1).toBe(2);
});
