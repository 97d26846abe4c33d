/**
 * One dispatched job, recipient by recipient: content from the spool, mailbox from the configuration, then the delivery.
 * A recipient that was delivered stays delivered whatever happens to the next one; a refused commit (durability rule 9) ends the job
 * and leaves the rest without a result, which the frame reports as deferred.
 */
import {
  type AgentTask,
  CommitRefusedError,
  type ConfigurationReader,
  type CrashPoint,
  type EventLog,
  type PendingRecipient,
  type RecipientResult,
  type TaskResult,
} from '@railpost/runtime';
import { BodyGoneError, ContentCorruptError, type SegmentReader, type SpooledContent } from '@railpost/spool';
import { classifyFailure, dispositionOf } from './classify.ts';
import { deliverMessage } from './deliver.ts';
import { mailboxUnwritable } from './events.ts';
import { findMailbox } from './find-mailbox.ts';
import { mailboxFolder } from './mailbox-folder.ts';
import { statuses } from './statuses.ts';

/** What a delivery works with. */
export interface MailboxTools {
  readonly reader: SegmentReader;
  /** Absolute path. */
  readonly mailRoot: string;
  readonly configuration: ConfigurationReader;
  readonly crashPoint: CrashPoint;
  readonly log: EventLog;
}

/** Carries out a task. @throws SpoolUnavailableError: the frame defers the job as our own fault */
export async function consumeTask(task: AgentTask, tools: MailboxTools): Promise<TaskResult> {
  const recipients: RecipientResult[] = [];
  try {
    const content = await tools.reader.read(task.job.content, task.upcoming + 1);
    tools.crashPoint('mailbox.accepted');
    task.beginTransfer();
    for (const pending of task.pending) {
      recipients.push(await deliverRecipient(task, pending, content, tools));
    }
  } catch (error) {
    if (error instanceof BodyGoneError) return { recipients, content: 'gone' };
    if (error instanceof ContentCorruptError) return { recipients, content: 'corrupt' };
    if (error instanceof CommitRefusedError && recipients.length > 0) return { recipients, isOwnFault: true };
    throw error;
  }
  return { recipients };
}

async function deliverRecipient(
  task: AgentTask,
  pending: PendingRecipient,
  content: SpooledContent,
  tools: MailboxTools,
): Promise<RecipientResult> {
  const { index, recipient } = pending;
  const result = (status: RecipientResult['status']): RecipientResult => ({
    index,
    disposition: dispositionOf(status),
    status,
    relay: 'mailbox',
  });
  const mailbox = await findMailbox(tools.configuration, recipient.final, task.signal);
  if (mailbox === undefined) return result(statuses.unknownUser(recipient.final));
  if (mailbox.state === 'Disabled' || mailbox.state === 'SendOnly')
    return result(statuses.mailboxDisabled(mailbox.address));
  const folder = mailboxFolder(tools.mailRoot, mailbox);
  try {
    await deliverMessage({ task, recipient, content, folder, crashPoint: tools.crashPoint, log: tools.log });
    return result(statuses.delivered);
  } catch (error) {
    const status = classifyFailure(error);
    if (status === undefined) throw error;
    mailboxUnwritable(tools.log, { queueId: task.job.queueId, folder, reason: status.text });
    return result(status);
  }
}
