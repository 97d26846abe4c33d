/** Who may open a transaction on a listener (rows A1, A8). */
import type { ListenerSettings } from '@railpost/config';
import type { SessionState } from '../session-state.ts';
import type { StatusName } from '../statuses.ts';

/** Why MAIL is refused, or undefined. Submission wants TLS, then AUTH (RFC 6409 section 4.3). */
export function mayNotSend(state: SessionState, listener: ListenerSettings): StatusName | undefined {
  if (listener.role !== 'Submission') return undefined;
  if (state.tls === undefined) return 'needStartTls';
  return state.login === undefined ? 'needAuthentication' : undefined;
}
