/** All faults by name: on which layout they strike, and whether they kill. */
import { everythingDies, killNats, killService, restartService, stopOwner } from './process-faults.ts';
import { changeConfiguration } from './configuration-fault.ts';
import type { Arena } from './arena.ts';
import type { LayoutName } from './surroundings.ts';

/** One kind of fault. */
export interface Fault {
  readonly layout: LayoutName;
  /** True when each strike kills processes of ours. */
  readonly kills: boolean;
  /** One line for `--help`. */
  readonly text: string;
  /** Strikes, and resolves when the fault has ended: what it broke is whole again, or heals by itself. */
  strike(arena: Arena): Promise<void>;
}

/** Name to fault. */
export const faults: Readonly<Record<string, Fault>> = {
  kill: { layout: 'plain', kills: true, text: 'kill -9 of a service', strike: killService },
  'kill-nats': { layout: 'plain', kills: true, text: 'kill -9 of nats-server', strike: killNats },
  'kill-all': { layout: 'plain', kills: true, text: 'kill -9 of everything at once', strike: everythingDies },
  'stop-owner': {
    layout: 'plain',
    kills: false,
    text: 'SIGSTOP of a shard owner for 30 s',
    strike: stopOwner,
  },
  restart: {
    layout: 'plain',
    kills: false,
    text: 'a service is told to stop (SIGTERM)',
    strike: restartService,
  },
  config: { layout: 'plain', kills: false, text: 'a route changes', strike: changeConfiguration },
};
