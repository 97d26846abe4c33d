/**
 * VRFY (RFC 5321 section 3.5): answers what RCPT would, and never more: 252 with the words of the client, so that it is no better a
 * tool for address harvesting than RCPT is (Postfix without disable_vrfy_command).
 */
import { parseMailbox, parsePath } from '@railpost/mail';
import { checkRecipient } from '../policy/recipient.ts';
import { mayNotSend } from '../policy/sender.ts';
import type { CommandRow, Step } from './step.ts';
import { refuse, say } from './step.ts';

/** VRFY. */
export const vrfy: CommandRow = {
  isJunk: true,
  isLast: true,
  run(state, command, facts): Step {
    const denied = mayNotSend(state, facts.listener);
    if (denied !== undefined) return refuse(state, denied);
    const address = command.argument.replace(/[ \t]+SMTPUTF8$/i, '');
    if (address === '') return refuse(state, 'vrfySyntax');
    const path = address.startsWith('<') ? parsePath(address) : parseMailbox(address);
    if (path === undefined || path.isNull) return refuse(state, 'badRecipient');
    const refusal = checkRecipient(path, { state, transaction: state.transaction, facts });
    if (refusal !== undefined) {
      return refuse(state, refusal.status, { address: path.address, ...refusal.values });
    }
    return say(state, 'verified', { address });
  },
};
