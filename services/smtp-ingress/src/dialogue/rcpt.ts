/** RCPT (RFC 5321 section 4.1.1.3): one forward-path, checked in the order of policy/. */
import {
  type EnvelopeRecipient,
  type MailPath,
  type ParameterProblem,
  type RcptParameters,
  parsePathArgument,
  parseRcptParameters,
} from '@railpost/mail';
import { needsSmtpUtf8, withheldParameter } from '../policy/extensions.ts';
import { checkRecipient } from '../policy/recipient.ts';
import type { SessionState, Transaction } from '../session-state.ts';
import type { StatusName } from '../statuses.ts';
import type { CommandRow, DialogueFacts, Step } from './step.ts';
import { refuse, say } from './step.ts';

/** Refusals above the limit of recipients that are not yet an error (Postfix smtpd_recipient_overshoot_limit). */
const overshootLimit = 1000;

function problemStatus(problem: ParameterProblem): StatusName {
  if (problem === 'notify') return 'badNotify';
  return problem === 'orcpt' ? 'badOrcpt' : 'unsupportedOption';
}

/** RCPT. */
export const rcpt: CommandRow = {
  run(state, command, facts): Step {
    const { transaction } = state;
    if (transaction === undefined) return refuse(state, 'needMail');
    if (state.chunking !== 'none') return refuse(state, 'rcptAfterBdat');
    const parsed = parsePathArgument(command.argument, 'TO');
    if ('problem' in parsed) {
      return refuse(state, parsed.problem === 'keyword' ? 'rcptSyntax' : 'badRecipient');
    }
    if (parsed.path.isNull || needsSmtpUtf8(parsed.path, transaction.parameters))
      return refuse(state, 'badRecipient');
    const read = parseRcptParameters(parsed.parameters);
    if ('problem' in read) return refuse(state, problemStatus(read.problem), { option: read.parameter });
    const withheld = withheldParameter(read.parameters, facts.listener);
    if (withheld !== undefined) return refuse(state, withheld.status, withheld.values);
    if (transaction.recipients.length >= facts.listener.limits.recipients) return tooMany(state, transaction);
    return checkAndAdd(state, transaction, { path: parsed.path, parameters: read.parameters }, facts);
  },
};

function tooMany(state: SessionState, transaction: Transaction): Step {
  const overshoot = transaction.overshoot + 1;
  const next = { ...state, transaction: { ...transaction, overshoot } };
  return { ...say(next, 'tooManyRecipients'), isError: overshoot > overshootLimit };
}

function checkAndAdd(
  state: SessionState,
  transaction: Transaction,
  recipient: { readonly path: MailPath; readonly parameters: RcptParameters },
  facts: DialogueFacts,
): Step {
  const { address } = recipient.path;
  const refusal = checkRecipient(recipient.path, { state, transaction, facts });
  if (refusal !== undefined) {
    return { ...refuse(state, refusal.status, { address, ...refusal.values }), refusedRecipient: address };
  }
  const added: EnvelopeRecipient = { address, ...recipient.parameters };
  const recipients = [...transaction.recipients, added];
  return say({ ...state, transaction: { ...transaction, recipients } }, 'recipientOk');
}
