/** What the active keeper does: tasks that begin when the lease is won and end when it is lost. */
import type { ServiceContext } from '@railpost/runtime';

/** The surroundings of tasks: a part of the runtime's context, so that tests can make one by hand. */
export type KeeperContext = Pick<
  ServiceContext,
  'processName' | 'log' | 'metrics' | 'bus' | 'store' | 'clock' | 'crashPoint' | 'setProblem'
>;

/** One thing that the active keeper does as long as its term lasts. */
export interface KeeperTask {
  /** For the log and for problems: `garbage`. */
  readonly name: string;
  /**
   * Works until `signal` aborts, then returns soon. A task that rejects is logged and begun again after a pause; one that returns
   * earlier is over for this term. The lease is no fence: another keeper may be at work at the same time, so every effect
   * must be right beside another keeper's.
   */
  run(signal: AbortSignal): Promise<void>;
}
