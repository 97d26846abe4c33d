/**
 * Whether RCPT may name an address: ordered checks, the first that objects decides. `<postmaster>` without domain always passes (RFC
 * 5321 section 4.5.1). An address that hides another domain in its local-part (`x%elsewhere@ours`, `elsewhere!x@ours`,
 * `"x@elsewhere"@ours`) is a try to relay, as in Postfix without allow_untrusted_routing.
 */
import type { RecipientVerdict } from '@railpost/config';
import type { MailPath } from '@railpost/mail';
import type { DialogueFacts } from '../dialogue/step.ts';
import type { SessionState, Transaction } from '../session-state.ts';
import type { StatusName, StatusValues } from '../statuses.ts';
import { mayRelay } from './relay.ts';

/** Why a recipient is refused. */
export interface Refusal {
  readonly status: StatusName;
  readonly values?: StatusValues;
}

/** What the checks look at. */
export interface RecipientCheck {
  readonly state: SessionState;
  readonly transaction: Transaction | undefined;
  readonly facts: DialogueFacts;
}

/** The first objection, or undefined. */
export function checkRecipient(path: MailPath, check: RecipientCheck): Refusal | undefined {
  if (path.domain === undefined && path.localPart.toLowerCase() === 'postmaster') return undefined;
  const { facts } = check;
  const isRelayAllowed = mayRelay(check.state, facts.listener);
  if (!isRelayAllowed && /[%!@]/.test(path.localPart)) return { status: 'relayDenied' };
  const verdict = facts.verifyRecipient(path.address, check.transaction?.reversePath ?? '');
  return objectionTo(verdict, isRelayAllowed);
}

function objectionTo(verdict: RecipientVerdict, isRelayAllowed: boolean): Refusal | undefined {
  switch (verdict.verdict) {
    case 'ours':
      return undefined;
    case 'not-ours':
      return isRelayAllowed ? undefined : { status: 'relayDenied' };
    case 'unknown-user':
      return { status: 'unknownUser' };
    case 'disabled':
      return { status: 'mailboxDisabled' };
    case 'refused':
      if (verdict.domain === undefined && !isRelayAllowed) return { status: 'relayDenied' };
      return {
        status: verdict.code.startsWith('4') ? 'routeDefers' : 'routeRefuses',
        values: { enhanced: verdict.code, reason: verdict.text },
      };
  }
}
