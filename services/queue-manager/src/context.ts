/** What queue-manager needs of its surroundings: a part of the runtime's context, so that tests can make one by hand. */
import type { ConfigSnapshot } from '@railpost/config';
import type { Presence } from '@railpost/contracts';
import type { ServiceContext } from '@railpost/runtime';

/** Times of the rules, milliseconds; all follow from process settings. */
export interface Timing {
  readonly leaseTtlMs: number;
  /** Heartbeat period of agents (rule 8). */
  readonly heartbeatMs: number;
  /** ack_wait of the consumer of ACTIVE. */
  readonly ackWaitMs: number;
  /** Age in ACTIVE after which a job moves to DEFER (rule 10). */
  readonly parkAfterMs: number;
  /** How often the journal is rolled up, and the age from which an object is (rule 14). */
  readonly journalRollUpMs: number;
}

/** Silence after which an agent counts as silent (rule 9), milliseconds. */
export function silenceMs({ heartbeatMs }: Pick<Timing, 'heartbeatMs'>): number {
  return 4 * heartbeatMs;
}

/** The surroundings. */
export interface QueueContext
  extends Pick<
    ServiceContext,
    'processName' | 'log' | 'metrics' | 'bus' | 'store' | 'clock' | 'crashPoint' | 'mutant' | 'setProblem'
  > {
  readonly configuration: {
    current(): Pick<ConfigSnapshot, 'platform' | 'domain'>;
    onChange(listener: () => void): () => void;
  };
  readonly presence: {
    setShards(shards: readonly number[]): void;
    list(
      service?: string,
    ): Promise<
      readonly Pick<Presence, 'service' | 'name' | 'startedAt' | 'isReady' | 'shards' | 'transports'>[]
    >;
  };
}
