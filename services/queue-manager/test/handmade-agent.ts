/**
 * A delivery agent that a test plays by hand, in the words of the contracts: it is present, takes a dispatch and answers it or not, answers
 * roll calls only while it is not cut off, and reports when told to. What it has in hand it never gives up by itself.
 */
import { randomUUID } from 'node:crypto';
import {
  type DeliveryJob,
  DispatchFrame,
  EpochAnnouncement,
  type Heartbeat,
  type Presence,
  encodeRecord,
  parseRecord,
  presenceKey,
} from '@railpost/contracts';
import type { TestPlatform } from './harness.ts';

const service = 'delivery-handmade';

/** One agent of transport smtp. */
export class HandmadeAgent {
  readonly jobs: DeliveryJob[] = [];
  /** While true it hears nothing and says nothing. */
  isCutOff = false;
  readonly #platform: TestPlatform;
  readonly #name = `h-${randomUUID().slice(0, 8)}`;
  readonly #startedAt = new Date().toISOString();
  readonly #subscriptions: { unsubscribe(): void }[] = [];

  constructor(platform: TestPlatform) {
    this.#platform = platform;
    const { connection, names } = platform.bus;
    this.#subscriptions.push(
      connection.subscribe(names.allEpochAnnouncements, {
        callback: (error, message) => {
          if (error !== null || this.isCutOff) return;
          const { shard, roll = '' } = EpochAnnouncement.parse(parseRecord(message.data));
          this.#beat(shard, roll);
        },
      }),
    );
    platform.closers.push(async () => {
      for (const each of this.#subscriptions) each.unsubscribe();
    });
  }

  /** Lets presence tell of it. */
  async appear(): Promise<void> {
    const { bus } = this.#platform;
    const presence: Presence = {
      ...{ version: 1, service, name: this.#name, release: 'test', startedAt: this.#startedAt },
      ...{ isReady: true, configurationRoot: '', shards: [], httpUrl: '', problems: [] },
      transports: ['smtp'],
    };
    await bus.jetstream.publish(
      `$KV.${bus.names.leaseBucket}.${presenceKey(service, this.#name)}`,
      encodeRecord(presence),
    );
  }

  /** Takes the next dispatch, and no other. @param isAnswered false: its answer is lost, and it is cut off from then on */
  async takeOne(isAnswered: boolean): Promise<void> {
    const { connection, names } = this.#platform.bus;
    const subscription = connection.subscribe(names.agentSubject('smtp'), { queue: 'smtp', max: 1 });
    this.#subscriptions.push(subscription);
    for await (const message of subscription) {
      const frame = DispatchFrame.parse(parseRecord(message.data));
      this.jobs.push(...frame.jobs.map(({ job }) => job));
      this.isCutOff = !isAnswered;
      const accepted = this.jobs.map(({ jobId }) => jobId);
      const reply = { version: 1, ...this.#self, accepted, freeSlots: 0 };
      if (isAnswered) message.respond(encodeRecord(reply));
    }
  }

  /** Reports that everything is delivered; resolves when an owner has heard it. */
  async reportDelivered(shard = 0): Promise<void> {
    const { connection, names } = this.#platform.bus;
    const outcomes = this.jobs.map(({ jobId, queueId, destination, recipients }) => ({
      ...{ version: 1, jobId, queueId, destination, task: 'deliver' },
      recipients: recipients.map(({ orig, final, run, n }) => ({
        ...{ orig, final, run, n, disposition: 'delivered', relay: 'test' },
        status: { code: '2.0.0', text: 'ok' },
      })),
      ...{ content: 'read', isOwnFault: false, isDestinationFault: false },
    }));
    const frame = encodeRecord({ version: 1, shard, worker: this.#self.worker, outcomes });
    await connection.request(names.outcomeSubject(shard), frame, { timeout: 5000 });
    this.jobs.length = 0;
  }

  get #self(): { readonly worker: string; readonly startedAt: string } {
    return { worker: `${service}/${this.#name}`, startedAt: this.#startedAt };
  }

  #beat(shard: number, roll: string): void {
    const { connection, names } = this.#platform.bus;
    const heartbeat: Heartbeat = {
      ...{ version: 1, ...this.#self, roll, transport: 'smtp', freeSlots: 0 },
      jobs: this.jobs.map(({ jobId, queueId, destination }) => ({
        ...{ jobId, queueId, destination },
        task: 'deliver',
        phase: 'reporting',
      })),
    };
    connection.publish(names.heartbeatSubject(shard), encodeRecord(heartbeat));
  }
}
