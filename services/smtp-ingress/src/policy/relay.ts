/**
 * Who may send to domains that are not ours (row A8): authenticated users of Submission, and clients of Internal (whose
 * networks were checked at connect). Nobody on MX, loopback included: behind a load balancer every client may look like it.
 */
import type { ListenerSettings } from '@railpost/config';
import type { SessionState } from '../session-state.ts';

/** True when this session may relay. */
export function mayRelay(state: SessionState, listener: ListenerSettings): boolean {
  switch (listener.role) {
    case 'MX':
      return false;
    case 'Submission':
      return state.login !== undefined;
    case 'Internal':
      return true;
  }
}
