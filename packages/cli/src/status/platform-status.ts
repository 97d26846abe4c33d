/** What `railpost status` knows. The shape of its JSON. */
import type { Presence, ShardStatistics } from '@railpost/contracts';

/** One object with its conditions, Ready included (manifests, "Status"). */
export interface ObjectReadiness {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly conditions: readonly {
    readonly type: string;
    readonly status: 'True' | 'False' | 'Unknown';
    readonly reason: string;
    readonly message: string;
  }[];
}

/** One shard. */
export interface ShardState {
  readonly shard: number;
  /** Empty: nobody answers for it. */
  readonly owner: string;
  readonly epoch: number;
  readonly statistics?: ShardStatistics;
}

/** Everything. */
export interface PlatformStatus {
  readonly configuration: { readonly root: string; readonly revision: number };
  readonly processes: readonly Presence[];
  readonly shards: readonly ShardState[];
  /** Messages (incoming, corrupt) and jobs (others) by queue. */
  readonly queues: Readonly<Record<'incoming' | 'active' | 'deferred' | 'hold' | 'corrupt', number>>;
  /** Empty when the folder is not known. */
  readonly objects: readonly ObjectReadiness[];
  /** Everything that is wrong, one sentence each. */
  readonly problems: readonly string[];
}
