/**
 * Messages of which delivery agents say that they have a job in hand (heartbeats), by queue id (durability rule 8). A job that recovery
 * put back may have another id than the one that an agent got from a former owner, since what was done meanwhile is left out of
 * it; the message is the same.
 */
import type { Heartbeat } from '@railpost/contracts';

interface Word {
  readonly jobIds: ReadonlyMap<string, readonly string[]>;
  readonly heardAtMs: number;
}

/** The latest word of each agent. */
export class MessagesInHand {
  readonly #byWorker = new Map<string, Word>();

  /** Takes a heartbeat: it names everything that its agent has of this shard and transport. @param nowMs monotonic */
  hear(heartbeat: Heartbeat, nowMs: number): void {
    const jobIds = new Map<string, string[]>();
    for (const { queueId, jobId } of heartbeat.jobs) {
      const known = jobIds.get(queueId);
      if (known === undefined) jobIds.set(queueId, [jobId]);
      else known.push(jobId);
    }
    this.#byWorker.set(`${heartbeat.worker} ${heartbeat.transport}`, { jobIds, heardAtMs: nowMs });
  }

  /** Ids of the jobs of a message that agents named within the last `silentMs`. */
  jobsOf(queueId: string, nowMs: number, silentMs: number): string[] {
    const found: string[] = [];
    for (const [worker, { jobIds, heardAtMs }] of this.#byWorker) {
      if (nowMs - heardAtMs > silentMs) this.#byWorker.delete(worker);
      else found.push(...(jobIds.get(queueId) ?? []));
    }
    return found;
  }
}
