/** All faults by name: on which layout they strike, and whether they kill. */
import type { Arena } from './arena.ts';
import { cutAgentOff, dieAfterReply, killAgent } from './faults/agent-faults.ts';
import { changeConfiguration } from './faults/configuration-fault.ts';
import {
  fillNatsDisk,
  killClusterNode,
  killNats,
  restoreOldNats,
  stopClusterLeader,
  wipeNats,
} from './faults/nats-faults.ts';
import { cutPower } from './faults/power-fault.ts';
import { everythingDies, killService, restartService, stopOwner } from './faults/process-faults.ts';
import { failSpoolSyncs, fillSpoolDisk, misbehavingStore } from './faults/spool-faults.ts';
import type { LayoutName } from './surroundings.ts';

/** One kind of fault. */
export interface Fault {
  readonly layout: LayoutName;
  /** True when each strike kills processes. */
  readonly kills: boolean;
  /**
   * True when outcomes may have to wait while it lasts, and for some time afterwards, whoever else lives. The death of a queue-manager or
   * of NATS hinders besides, whatever killed it.
   */
  readonly hinders: boolean;
  /** True when others may strike while it lasts. */
  readonly isLasting: boolean;
  /** One line for `--help`. */
  readonly text: string;
  /** Strikes, and resolves when the fault has ended: what it broke is whole again, or heals by itself. */
  strike(arena: Arena): Promise<void>;
}

function fault(layout: LayoutName, kills: boolean, text: string, strike: Fault['strike']): Fault {
  return { layout, kills, hinders: true, isLasting: false, text, strike };
}

/** A fault of one process. */
function blow(layout: LayoutName, kills: boolean, text: string, strike: Fault['strike']): Fault {
  return { ...fault(layout, kills, text, strike), hinders: false };
}

/** Name to fault. */
export const faults: Readonly<Record<string, Fault>> = {
  kill: blow('plain', true, 'kill -9 of a service', killService),
  'kill-agent': blow('plain', true, 'kill -9 of a delivery-smtp', killAgent),
  'kill-nats': fault('plain', true, 'kill -9 of nats-server', killNats),
  'kill-all': fault('plain', true, 'kill -9 of everything at once', everythingDies),
  'stop-owner': {
    ...fault('plain', false, 'SIGSTOP of a shard owner for 30 s', stopOwner),
    isLasting: true,
  },
  restart: blow('plain', false, 'a service is told to stop (SIGTERM)', restartService),
  config: blow('plain', false, 'a route changes', changeConfiguration),
  'wipe-nats': fault('plain', true, 'the data of NATS are deleted', wipeNats),
  'old-nats': fault('plain', true, 'the data of NATS are replaced by an older copy', restoreOldNats),
  'worker-after-250': blow('dying-agents', true, 'an agent dies after the remote 250', dieAfterReply),
  'cut-worker': fault('proxied', false, 'an agent is cut off from NATS for 25 s', cutAgentOff),
  'cluster-kill': fault('cluster', true, 'kill -9 of one of three NATS servers', killClusterNode),
  'cluster-stop': fault('cluster', false, 'SIGSTOP of the NATS leader for 12 s', stopClusterLeader),
  's3-500': fault('s3', false, 'object storage answers 500', misbehavingStore('500')),
  's3-503': fault('s3', false, 'object storage answers 503 SlowDown', misbehavingStore('503')),
  's3-timeout': fault('s3', false, 'object storage does not answer', misbehavingStore('timeout')),
  's3-torn': fault('s3', false, 'connections to object storage tear', misbehavingStore('torn')),
  's3-late-put': fault('s3', false, 'a PUT is applied after its deadline', misbehavingStore('late-put')),
  'nats-full': fault('small-disks', true, 'the disk of NATS is full (ENOSPC)', fillNatsDisk),
  'spool-full': fault('small-disks', false, 'the disk of the spool is full (ENOSPC)', fillSpoolDisk),
  'spool-eio': fault('small-disks', false, 'syncs, links and writes of the spool fail (EIO)', failSpoolSyncs),
  powercut: fault('image', true, 'the power is cut', cutPower),
};
