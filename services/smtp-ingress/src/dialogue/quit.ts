/** QUIT (RFC 5321 section 4.1.1.10), with or without argument. */
import type { CommandRow, Step } from './step.ts';
import { say } from './step.ts';

/** QUIT. */
export const quit: CommandRow = {
  isBeforeTls: true,
  run: (state): Step => ({ ...say(state, 'bye'), effect: { kind: 'quit' } }),
};
