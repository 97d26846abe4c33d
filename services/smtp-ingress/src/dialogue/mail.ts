/** MAIL (RFC 5321 section 4.1.1.2): opens a transaction. HELO is not demanded (Postfix smtpd_helo_required = no). */
import { type ParameterProblem, parseMailParameters, parsePathArgument } from '@railpost/mail';
import { needsSmtpUtf8, withheldParameter } from '../policy/extensions.ts';
import { mayNotSend } from '../policy/sender.ts';
import { isDeclaredTooLarge } from '../policy/size.ts';
import type { StatusName } from '../statuses.ts';
import type { CommandRow, Step } from './step.ts';
import { refuse, say } from './step.ts';

const problems: Readonly<Record<ParameterProblem, StatusName>> = {
  unsupported: 'unsupportedOption',
  size: 'badSize',
  auth: 'badAuthParameter',
  ret: 'badRet',
  envid: 'badEnvid',
  notify: 'unsupportedOption',
  orcpt: 'unsupportedOption',
};

/** MAIL. */
export const mail: CommandRow = {
  run(state, command, facts): Step {
    const denied = mayNotSend(state, facts.listener);
    if (denied !== undefined) return refuse(state, denied);
    if (state.transaction !== undefined) return refuse(state, 'nestedMail');
    if (state.chunking !== 'none') return refuse(state, 'mailAfterBdat');
    const parsed = parsePathArgument(command.argument, 'FROM');
    if ('problem' in parsed) {
      return refuse(state, parsed.problem === 'keyword' ? 'mailSyntax' : 'badSender');
    }
    const read = parseMailParameters(parsed.parameters);
    if ('problem' in read) return refuse(state, problems[read.problem], { option: read.parameter });
    const { parameters } = read;
    // Not offered: a body with octets that are no lines would have to be kept as it is all the way.
    if (parameters.body === 'BINARYMIME') {
      return refuse(state, 'unsupportedOption', { option: 'BODY=BINARYMIME' });
    }
    const withheld = withheldParameter(parameters, facts.listener);
    if (withheld !== undefined) return refuse(state, withheld.status, withheld.values);
    if (needsSmtpUtf8(parsed.path, parameters)) return refuse(state, 'badSender');
    if (isDeclaredTooLarge(parameters.size, facts.listener.limits)) return refuse(state, 'sizeExceeds');
    const transaction = { reversePath: parsed.path.address, parameters, recipients: [], overshoot: 0 };
    return say({ ...state, transaction }, 'senderOk');
  },
};
