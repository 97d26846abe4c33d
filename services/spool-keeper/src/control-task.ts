/** The task `control`: the active keeper answers `railpost recover` and `railpost status` (contracts/keeper-control.ts). */
import { type Bus, listen } from '@railpost/bus';
import { type KeeperReply, KeeperRequest, encodeRecord, parseRecord } from '@railpost/contracts';
import { controlFailed } from './events.ts';
import type { KeeperContext, KeeperTask } from './keeper-task.ts';
import { type OrphanState, askForRepair } from './orphans/orphan-task.ts';
import type { RecoveryState } from './recovery/recovery-task.ts';

/** What it answers from. */
export interface ControlParts {
  readonly recovery: Readonly<RecoveryState>;
  readonly orphans: OrphanState;
}

const namedIds = 100;

/** Makes the task. */
export function controlTask(context: KeeperContext, parts: ControlParts): KeeperTask {
  const { log, processName } = context;
  const bus: Bus = context.bus;
  return {
    name: 'control',
    async run(signal) {
      const listener = listen(
        bus,
        bus.names.keeperControlSubject,
        async (payload) => encodeRecord(answer(parts, processName, payload)),
        { onProblem: (error) => controlFailed(log, { error: String(error) }) },
      );
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
      listener.stop();
    },
  };
}

function answer({ recovery, orphans }: ControlParts, keeper: string, payload: Uint8Array): KeeperReply {
  const request = KeeperRequest.safeParse(parseRecord(payload));
  const { generation, isRecovered, progress } = recovery;
  // While recovery runs it puts back everything; there is nothing to repair beside it.
  if (request.success && request.data.operation === 'recover' && isRecovered)
    askForRepair(orphans, request.data.isDryRun);
  return {
    version: 1,
    keeper,
    generation,
    isRecovered,
    ...(request.success
      ? {}
      : { error: 'the request is not understood; is the command newer than the platform?' }),
    ...(progress === undefined ? {} : { recovery: { ...progress } }),
    unaccounted: orphans.orphans.length,
    unaccountedIds: orphans.orphans.slice(0, namedIds),
    ...(orphans.repair === undefined ? {} : { repair: { ...orphans.repair } }),
  };
}
