/** STARTTLS (RFC 3207). The engine discards what came in plaintext; the state is forgotten when the handshake is done. */
import { type SessionState, newSession } from '../session-state.ts';
import type { HandshakeFacts } from '@railpost/smtp';
import type { CommandRow, Step } from './step.ts';
import { refuse, say } from './step.ts';

/** STARTTLS. */
export const startTls: CommandRow = {
  isBeforeTls: true,
  run(state, command, facts): Step {
    if (command.argument !== '') return refuse(state, 'startTlsSyntax');
    if (state.tls !== undefined) return refuse(state, 'tlsActive');
    const { listener } = facts;
    if (listener.tls.mode !== 'StartTLS' || listener.withheldKeywords.includes('STARTTLS')) {
      return refuse(state, 'tlsNotOffered');
    }
    return { ...say(state, 'readyForTls'), effect: { kind: 'tls' } };
  },
};

/** The state after a handshake: nothing that was said before counts (RFC 3207 section 4.2). */
export function secured(facts: HandshakeFacts): SessionState {
  return { ...newSession, tls: facts };
}
