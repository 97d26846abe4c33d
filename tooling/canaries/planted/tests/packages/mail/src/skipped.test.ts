/** Planted: a test that does not run. */
import { it } from 'vitest';

it.skip('is never run', () => {});
