/**
 * A shard's owner as tests script it: dispatches jobs, hears heartbeats and outcomes, acknowledges when told to. Speaks
 * only the contracts.
 */
import { type Bus, connectBus } from '@railpost/bus';
import {
  type DeliveryOutcome,
  DispatchReply,
  type DispatchedJob,
  Heartbeat,
  type OutcomeAcknowledgement,
  OutcomeFrame,
  encodeRecord,
  parseRecord,
} from '@railpost/contracts';

/** A job with one recipient. */
export function makeJob(jobId: string, more: Partial<DispatchedJob> = {}): DispatchedJob {
  return {
    task: 'deliver',
    tries: 0,
    pending: [0],
    activeAtMs: Date.now(),
    ...more,
    job: {
      version: 1,
      jobId,
      queueId: '0000000000000001',
      attempt: 0,
      nextHop: { transport: 'smtp', hosts: [{ host: '127.0.0.1', port: 2526 }] },
      destination: 'smtp:[127.0.0.1]:2526',
      reversePath: 'sender@example.test',
      recipients: [{ orig: 0, original: 'a@partner.test', final: 'a@partner.test', run: 'r', n: 1 }],
      smtputf8: false,
      content: { key: 'segment/1', offset: 0, bytes: 10, headerBytes: 4, sha256: '00' },
      edits: [],
      client: {
        listener: 'mx',
        role: 'MX',
        address: '',
        port: 0,
        name: 'unknown',
        helo: 'x',
        protocol: 'SMTP',
      },
      messageId: '<1@example.test>',
      receivedAt: new Date().toISOString(),
      incomingSequence: 1,
    },
  };
}

/** A running owner. */
export interface ScriptedOwner {
  readonly bus: Bus;
  readonly heartbeats: readonly Heartbeat[];
  /** Every outcome that arrived, repeats included. */
  readonly outcomes: readonly DeliveryOutcome[];
  /** Ids of jobs that came back unbegun. */
  readonly returned: readonly string[];
  epoch: number;
  isAcknowledging: boolean;
  dispatch(transport: string, jobs: readonly DispatchedJob[], epoch?: number): Promise<DispatchReply>;
  /** Dispatches jobs of which `width` may run at once. */
  dispatchBatch(transport: string, jobs: readonly DispatchedJob[], width: number): Promise<DispatchReply>;
  announce(epoch: number): void;
  /** Listens to outcomes no more, as when it died. */
  leave(): void;
  /** Listens again. */
  comeBack(): void;
  close(): Promise<void>;
}

/** Starts an owner of one shard. */
export async function startScriptedOwner(
  at: { readonly url: string; readonly monitorUrl: string },
  prefix: string,
  shard = 0,
): Promise<ScriptedOwner> {
  const bus = await connectBus({ servers: [at.url], monitorUrls: [at.monitorUrl], prefix, name: 'owner' });
  const heartbeats: Heartbeat[] = [];
  const outcomes: DeliveryOutcome[] = [];
  const returned: string[] = [];
  const request = async (transport: string, frame: object): Promise<DispatchReply> => {
    const reply = await bus.connection.request(bus.names.agentSubject(transport), encodeRecord(frame), {
      timeout: 2000,
    });
    return DispatchReply.parse(parseRecord(reply.data));
  };
  const owner: ScriptedOwner = {
    bus,
    heartbeats,
    outcomes,
    returned,
    epoch: 100,
    isAcknowledging: true,
    dispatch: (transport, jobs, epoch = owner.epoch) =>
      request(transport, { version: 1, shard, epoch, owner: 'owner', jobs }),
    dispatchBatch: (transport, jobs, width) =>
      request(transport, {
        version: 1,
        shard,
        epoch: owner.epoch,
        owner: 'owner',
        jobs: jobs.map((job) => ({ ...job, batch: 0 })),
        widths: [width],
      }),
    announce(epoch) {
      const announcement = { version: 1, shard, epoch, owner: 'owner' };
      bus.connection.publish(bus.names.epochAnnouncementSubject(shard), encodeRecord(announcement));
    },
    leave: () => listening.unsubscribe(),
    comeBack: () => {
      listening = listen();
    },
    close: () => bus.close(),
  };
  bus.connection.subscribe(bus.names.heartbeatSubject(shard), {
    callback: (_error, message) => {
      heartbeats.push(Heartbeat.parse(parseRecord(message.data)));
    },
  });
  const listen = () =>
    bus.connection.subscribe(bus.names.outcomeSubject(shard), {
      callback: (_error, message) => {
        const frame = OutcomeFrame.parse(parseRecord(message.data));
        outcomes.push(...frame.outcomes);
        returned.push(...(frame.returned ?? []));
        if (!owner.isAcknowledging) return;
        const acknowledgement: OutcomeAcknowledgement = {
          version: 1,
          epoch: owner.epoch,
          settled: frame.outcomes.map((outcome) => outcome.jobId),
        };
        message.respond(encodeRecord(acknowledgement));
      },
    });
  let listening = listen();
  await bus.connection.flush();
  return owner;
}
