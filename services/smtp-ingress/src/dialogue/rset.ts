/** RSET (RFC 5321 section 4.1.1.5): drops the transaction; EHLO, TLS and login stay. */
import { withoutTransaction } from '../session-state.ts';
import type { CommandRow, Step } from './step.ts';
import { refuse, say } from './step.ts';

/** RSET. */
export const rset: CommandRow = {
  isJunk: true,
  run(state, command): Step {
    if (command.argument !== '') return refuse(state, 'rsetSyntax');
    return say(withoutTransaction(state), 'ok');
  },
};
