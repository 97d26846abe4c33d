/**
 * A shard's owner as tests script it: dispatches jobs to delivery agents, hears heartbeats and outcomes, acknowledges when told to.
 * Speaks only the contracts.
 */
import type { NatsConnection } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import {
  type DeliveryOutcome,
  DispatchReply,
  type DispatchedJob,
  Heartbeat,
  type OutcomeAcknowledgement,
  OutcomeFrame,
  busNames,
  encodeRecord,
  parseRecord,
} from '@railpost/contracts';

/** A running owner of shard 0. */
export interface ScriptedOwner {
  readonly connection: NatsConnection;
  readonly heartbeats: readonly Heartbeat[];
  /** Every outcome that arrived, repeats included. */
  readonly outcomes: readonly DeliveryOutcome[];
  epoch: number;
  /** False: outcomes are heard but not acknowledged. @default true */
  isAcknowledging: boolean;
  /** @throws when no agent answers within 2 s */
  dispatch(transport: string, jobs: readonly DispatchedJob[]): Promise<DispatchReply>;
  /** Dispatches jobs of which `width` may run at once. @throws when no agent answers within 2 s */
  dispatchBatch(transport: string, jobs: readonly DispatchedJob[], width: number): Promise<DispatchReply>;
  /** Waits for the next outcome of the job that was not asked for before. Rejects after the time. */
  outcomeOf(jobId: string, withinMs?: number): Promise<DeliveryOutcome>;
  close(): Promise<void>;
}

/** Starts an owner. @param prefix bus prefix of the test */
export async function startScriptedOwner(url: string, prefix: string): Promise<ScriptedOwner> {
  const shard = 0;
  const names = busNames(prefix);
  const connection = await connect({ servers: url, name: 'scripted-owner' });
  const heartbeats: Heartbeat[] = [];
  const outcomes: DeliveryOutcome[] = [];
  const asked = new Set<DeliveryOutcome>();
  const listeners = new Set<() => void>();
  async function ask(
    transport: string,
    jobs: readonly DispatchedJob[],
    widths?: readonly number[],
  ): Promise<DispatchReply> {
    const frame = encodeRecord({ version: 1, shard, epoch: owner.epoch, owner: 'scripted', jobs, widths });
    const reply = await connection.request(names.agentSubject(transport), frame, { timeout: 2000 });
    return DispatchReply.parse(parseRecord(reply.data));
  }
  const owner: ScriptedOwner = {
    connection,
    heartbeats,
    outcomes,
    epoch: 100,
    isAcknowledging: true,
    async dispatch(transport, jobs) {
      // An agent of ours that answers this has taken in every acknowledgement before it: what comes now is no repeat to it.
      await ask(transport, []);
      return ask(transport, jobs);
    },
    async dispatchBatch(transport, jobs, width) {
      await ask(transport, []);
      return ask(
        transport,
        jobs.map((job) => ({ ...job, batch: 0 })),
        [width],
      );
    },
    outcomeOf: (jobId, withinMs = 20_000) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = outcomes.find((each) => each.jobId === jobId && !asked.has(each));
          if (found === undefined) return;
          asked.add(found);
          clearTimeout(timer);
          listeners.delete(look);
          resolve(found);
        };
        const timer = setTimeout(() => {
          listeners.delete(look);
          reject(new Error(`no outcome of job ${jobId} within ${withinMs} ms`));
        }, withinMs);
        listeners.add(look);
        look();
      }),
    close: () => connection.close(),
  };
  connection.subscribe(names.heartbeatSubject(shard), {
    callback: (_error, message) => {
      heartbeats.push(Heartbeat.parse(parseRecord(message.data)));
    },
  });
  connection.subscribe(names.outcomeSubject(shard), {
    callback: (_error, message) => {
      const frame = OutcomeFrame.parse(parseRecord(message.data));
      outcomes.push(...frame.outcomes);
      if (owner.isAcknowledging) {
        const settled = frame.outcomes.map((outcome) => outcome.jobId);
        const acknowledgement: OutcomeAcknowledgement = { version: 1, epoch: owner.epoch, settled };
        message.respond(encodeRecord(acknowledgement));
      }
      for (const listener of listeners) listener();
    },
  });
  await connection.flush();
  return owner;
}
