/** DATA (RFC 5321 section 4.1.1.4): from here on the engine streams; accept.ts says the last word. */
import type { SessionState } from '../session-state.ts';
import type { StatusName } from '../statuses.ts';
import type { CommandRow, Step } from './step.ts';
import { refuse } from './step.ts';

/** DATA. */
export const data: CommandRow = {
  isLast: true,
  run(state, command): Step {
    if (state.chunking !== 'none') return refuse(state, 'dataAfterBdat');
    const missing = missingForContent(state);
    if (missing !== undefined) return refuse(state, missing);
    if (command.argument !== '') return refuse(state, 'dataSyntax');
    return { state, reply: { status: 'startData' }, effect: { kind: 'receive' }, isError: false };
  },
};

/** Why content cannot come yet; DATA and BDAT ask the same. */
export function missingForContent(state: SessionState): StatusName | undefined {
  if (state.transaction === undefined) return 'needRcpt';
  return state.transaction.recipients.length === 0 ? 'noValidRecipients' : undefined;
}
