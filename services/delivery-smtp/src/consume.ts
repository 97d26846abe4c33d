/**
 * What happens to a task that the agent's frame hands over: take one view of the configuration, open the content, deliver, and say
 * what came of it. A content that is gone or damaged is a result (rule 15); any other exception passes on and defers the job.
 */
import type { AgentTask, TaskResult } from '@railpost/runtime';
import { BodyGoneError, ContentCorruptError, type SegmentReader } from '@railpost/spool';
import { verdictOf } from './classify.ts';
import { openJobContent } from './content.ts';
import { type DeliveryTools, deliver } from './deliver.ts';
import { contentUnusable, loopFound, secretUnusable } from './events.ts';
import type { EventLog } from '@railpost/runtime';
import type { PolicyDecision } from './policy.ts';
import { isLoop } from './statuses.ts';
import type { SmtpHop } from './targets.ts';

/** What consuming needs from outside. */
export interface ConsumeTools {
  readonly log: EventLog;
  readonly reader: SegmentReader;
  decidePolicy(hop: SmtpHop, destination: string): PolicyDecision;
  deliveryTools(
    task: AgentTask,
    hop: SmtpHop,
    decision: Extract<PolicyDecision, { kind: 'policy' }>,
  ): DeliveryTools;
}

/** Delivers one task. @throws errors of the spool other than gone and corrupt; CommitRefusedError */
export async function consume(task: AgentTask, tools: ConsumeTools): Promise<TaskResult> {
  const { job } = task;
  const hop = job.nextHop;
  if (hop.transport !== 'smtp' && hop.transport !== 'lmtp')
    throw new TypeError(`a job for ${hop.transport} was dispatched to delivery-smtp`);

  const decision = tools.decidePolicy(hop, job.destination);
  if (decision.kind === 'unusable-secret') {
    secretUnusable(tools.log, {
      queueId: job.queueId,
      destination: job.destination,
      secret: decision.secret,
    });
    return refuse(task, decision.status);
  }
  try {
    const result = await deliver(
      {
        job,
        pending: task.pending,
        content: openJobContent(job, () => tools.reader.read(job.content, task.upcoming + 1)),
        isFirst: task.tries === 0,
        policy: decision.policy,
        signal: task.signal,
        beginTransfer: () => task.beginTransfer(),
        beginNext: () => task.beginNext(),
        mayCommit: () => task.mayCommit(),
      },
      tools.deliveryTools(task, hop, decision),
    );
    if (result.recipients.some(({ status }) => isLoop(status)))
      loopFound(tools.log, { queueId: job.queueId, destination: job.destination });
    return result;
  } catch (error) {
    const content = contentProblem(error);
    if (content === undefined) throw error;
    contentUnusable(tools.log, { queueId: job.queueId, jobId: job.jobId, reason: String(error) });
    return { recipients: [], content };
  }
}

function contentProblem(error: unknown): 'gone' | 'corrupt' | undefined {
  if (error instanceof BodyGoneError) return 'gone';
  return error instanceof ContentCorruptError ? 'corrupt' : undefined;
}

function refuse(task: AgentTask, status: Parameters<typeof verdictOf>[0]): TaskResult {
  const { disposition } = verdictOf(status, false);
  return {
    recipients: task.pending.map(({ index }) => ({ index, disposition, status, relay: 'none' })),
  };
}
