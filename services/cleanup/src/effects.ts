/**
 * Writes jobs to ACTIVE: bundled per shard, durable when the promise resolves, idempotent by job id. A `duplicate` answer
 * counts only when the job can be seen in the stream (durability rule 19): it may come from another process whose
 * publish was never stored. A job that is gone again, because it was settled meanwhile, is written once more, and so is one that a
 * redelivered record bundles with other jobs than the first time: its owner drops what it knows or has done (rule 10).
 */
import { type Bus, BusUnavailableError, type GroupPublisher, openGroupPublisher } from '@railpost/bus';
import { type DeliveryJob, encodeRecord, shardOf, unbundle } from '@railpost/contracts';

/** Where and how jobs are written. */
export interface JobWriterOptions {
  readonly shards: number;
  /** Ends the repeating when the process drains. */
  readonly signal: AbortSignal;
  /** Called after each job is durable. */
  readonly onPublished: () => void;
}

/** Writes jobs. */
export interface JobWriter {
  /**
   * Resolves when all jobs are durable.
   * @param delivery names this delivery of the INCOMING record, for msgIDs that must differ from an earlier one's
   * @throws StreamFullError, BusRefusedError, BusClosedError, BusUnavailableError
   */
  write(jobs: readonly DeliveryJob[], delivery: string): Promise<void>;
}

/** Opens a writer. */
export function openJobWriter(bus: Bus, options: JobWriterOptions): JobWriter {
  const publishers = new Map<string, GroupPublisher>();

  function publisherOf(stream: string): GroupPublisher {
    const known = publishers.get(stream) ?? openGroupPublisher(bus, stream, { isBundling: true });
    publishers.set(stream, known);
    return known;
  }

  async function writeOne(job: DeliveryJob, delivery: string): Promise<void> {
    const shard = shardOf(job.destination, options.shards);
    const stream = bus.names.activeStream(shard);
    const subject = bus.names.activeSubject(shard, job.destination, job.jobId);
    const payload = encodeRecord(job);
    const headers = job.traceparent === undefined ? {} : { headers: { traceparent: job.traceparent } };
    const messageId = `${job.jobId}/${job.attempt}`;
    const common = { ...headers, signal: options.signal };
    const first = await publisherOf(stream).publish(subject, payload, { ...common, messageId });
    if (first.isDuplicate && !(await isStored(bus, stream, { subject, busSubject: first.busSubject }))) {
      await publisherOf(stream).publish(subject, payload, {
        ...common,
        messageId: `${messageId}/${delivery}`,
      });
    }
    options.onPublished();
  }

  return {
    async write(jobs, delivery) {
      await Promise.all(jobs.map((job) => writeOne(job, delivery)));
    },
  };
}

/** Asks the leader of the stream, and looks into the bundle. @throws BusUnavailableError */
async function isStored(
  bus: Bus,
  stream: string,
  { subject, busSubject }: { readonly subject: string; readonly busSubject: string },
): Promise<boolean> {
  let found;
  try {
    found = await bus.manager.streams.getMessage(stream, { last_by_subj: busSubject });
  } catch (error) {
    throw new BusUnavailableError(`cannot look up ${busSubject}`, error);
  }
  return found !== null && unbundle(found.subject, found.data).some((each) => each.subject === subject);
}
