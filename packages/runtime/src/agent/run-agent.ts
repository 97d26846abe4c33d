/**
 * The common form of delivery agents (durability rules 6-9).
 */
import type { ServiceContext } from '../service-context.ts';
import type { AgentTask, TaskResult } from './agent-task.ts';

/** What an agent brings. */
export interface AgentOptions {
  /** Transports it serves: `['smtp', 'lmtp']`, `['mailbox']`, `['bounce']`. */
  readonly transports: readonly string[];
  /** Jobs in hand at once. */
  readonly slots: number;
  /** Delivers one job; exceptions become deferred 4.3.0 (our own fault). */
  deliver(task: AgentTask): Promise<TaskResult>;
}

/** A running agent. */
export interface Agent {
  /** Takes no more, finishes what is in hand, reports it, then resolves; bounded. */
  stop(): Promise<void>;
}

/** Starts taking jobs. */
export async function runAgent(_context: ServiceContext, _options: AgentOptions): Promise<Agent> {
  throw new Error('not yet');
}
