/** HELP (RFC 5321 section 4.1.1.8): names the commands. */
import type { CommandRow, Step } from './step.ts';
import { say } from './step.ts';

/** HELP for a table with these verbs. */
export function createHelp(verbs: () => readonly string[]): CommandRow {
  return {
    isBeforeTls: true,
    isLast: true,
    run: (state): Step => say(state, 'help', { commands: [...verbs()].sort().join(' ') }),
  };
}
