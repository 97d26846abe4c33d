/** NOOP (RFC 5321 section 4.1.1.9): its argument is ignored. */
import type { CommandRow, Step } from './step.ts';
import { say } from './step.ts';

/** NOOP. */
export const noop: CommandRow = {
  isBeforeTls: true,
  isJunk: true,
  isLast: true,
  run: (state): Step => say(state, 'ok'),
};
