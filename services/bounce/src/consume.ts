/**
 * One dispatched task: a job that has failed, is late, or was delivered. Decides whether the sender is owed a report, sends it, and answers `delivered`
 * for every recipient: the owner may then settle them. Exceptions leave the job as it is, owed.
 */
import type { BusNames } from '@railpost/contracts';
import type { DeliveryStatus } from '@railpost/mail';
import type {
  AgentTask,
  ConfigurationReader,
  CrashPoint,
  EventLog,
  RecipientResult,
  TaskResult,
} from '@railpost/runtime';
import type { GroupPublisher } from '@railpost/bus';
import { BodyGoneError, ContentCorruptError, type SegmentReader, type SegmentWriter } from '@railpost/spool';
import { decideReport } from './classify.ts';
import { sendReport } from './deliver.ts';
import { reportNotOwed, reportQueued } from './events.ts';
import { statuses } from './statuses.ts';

/** What a report is made with. */
export interface BounceTools {
  readonly reader: SegmentReader;
  readonly writer: SegmentWriter;
  /** Of the stream INCOMING. */
  readonly publisher: GroupPublisher;
  readonly names: BusNames;
  readonly configuration: ConfigurationReader;
  readonly crashPoint: CrashPoint;
  readonly log: EventLog;
}

/**
 * Carries out a task.
 * @throws SpoolUnavailableError, StreamFullError, BusClosedError: nothing was promised; the owner dispatches again
 */
export async function consumeTask(task: AgentTask, tools: BounceTools): Promise<TaskResult> {
  const { job, pending, report, task: kind } = task;
  if (kind === 'deliver' || report === undefined) throw new TypeError(`a task ${kind} without a report`);
  const { queueId } = job;
  const decision = decideReport(job, kind, pending);
  if (decision.kind === 'none') {
    reportNotOwed(tools.log, { queueId, kind, reason: decision.reason });
    return { recipients: resultsOf(task, statuses.nothingOwed) };
  }
  const { about, returned } = decision;
  try {
    const reportQueueId = await sendReport({ task, kind, report, about, returned }, tools);
    const { traceparent } = task;
    reportQueued(tools.log, { queueId, kind, reportQueueId, recipients: about.length, traceparent });
    return { recipients: resultsOf(task, statuses.reported), reportQueueId };
  } catch (error) {
    if (error instanceof BodyGoneError) return { recipients: [], content: 'gone' };
    if (error instanceof ContentCorruptError) return { recipients: [], content: 'corrupt' };
    throw error;
  }
}

function resultsOf(task: AgentTask, status: DeliveryStatus): RecipientResult[] {
  return task.pending.map(({ index }) => ({ index, disposition: 'delivered', status, relay: 'none' }));
}
