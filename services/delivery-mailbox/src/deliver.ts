/**
 * One message into one Maildir. The stored content plus what final delivery adds and removes goes into `tmp/`, is fdatasynced, and
 * gets its name in `new/` by link(2) once the frame has allowed it (durability rule 9). The name is made from job and recipient, so
 * a repeat meets its own file, in `new/` or, once a mail reader has seen it, in `cur/`.
 */
import type { JobRecipient } from '@railpost/contracts';
import { applyEdits, editedBytes } from '@railpost/mail';
import type { AgentTask, CrashPoint, EventLog } from '@railpost/runtime';
import type { SpooledContent } from '@railpost/spool';
import { maildirCreated, repeatFound } from './events.ts';
import { BareLineEndError, toLineFeeds } from './line-ends.ts';
import { dropReturnPath, traceFields } from './trace-fields.ts';
import { type MaildirFile, messageName, openMaildir } from './maildir.ts';

/** A delivery. */
export interface MailboxDelivery {
  readonly task: AgentTask;
  readonly recipient: JobRecipient;
  readonly content: SpooledContent;
  /** Folder of the mailbox; its Maildir may not exist yet. */
  readonly folder: string;
  readonly crashPoint: CrashPoint;
  readonly log: EventLog;
}

/**
 * Resolves when the message is durable in the mailbox.
 * @throws errors of the file system; CommitRefusedError; ContentCorruptError, BodyGoneError, SpoolUnavailableError
 */
export async function deliverMessage(delivery: MailboxDelivery): Promise<void> {
  const { task, recipient, folder, log } = delivery;
  const { queueId, jobId } = task.job;
  const maildir = await openMaildir(folder);
  if (maildir.isNew) maildirCreated(log, { queueId, folder });
  const name = messageName(task.job, recipient);
  const earlier = await maildir.findDelivered(name, Date.parse(task.job.receivedAt));
  if (earlier !== undefined) return repeatFound(log, { queueId, jobId, file: earlier });
  const file = await writeMessage(delivery, () => maildir.create(name));
  try {
    await task.mayCommit();
    delivery.crashPoint('mailbox.before-rename');
    const isFirst = await file.publish();
    if (!isFirst) repeatFound(log, { queueId, jobId, file: name.base });
    delivery.crashPoint('mailbox.renamed');
  } finally {
    await file.discard();
  }
}

/**
 * Writes the file with line feeds for line ends, as Maildirs are; content that this could not be undone for (a bare CR or LF, possible
 * with BDAT) is written once more, octet by octet as it came.
 */
async function writeMessage(
  delivery: MailboxDelivery,
  create: () => Promise<MaildirFile>,
): Promise<MaildirFile> {
  try {
    return await writeChunks(await create(), toLineFeeds(finalContent(delivery)));
  } catch (error) {
    if (!(error instanceof BareLineEndError)) throw error;
  }
  return writeChunks(await create(), finalContent(delivery));
}

async function writeChunks(file: MaildirFile, chunks: AsyncIterable<Uint8Array>): Promise<MaildirFile> {
  try {
    for await (const chunk of chunks) await file.write(chunk);
    await file.sync();
    return file;
  } catch (error) {
    await file.discard();
    throw error;
  }
}

/** The content as the mailbox gets it, with CRLF line ends. */
async function* finalContent({ task, recipient, content }: MailboxDelivery): AsyncIterable<Uint8Array> {
  const { job } = task;
  const headerBytes = editedBytes(job.content.headerBytes, job.edits);
  yield traceFields(job.reversePath, recipient);
  yield* dropReturnPath(applyEdits(content.chunks(), job.edits), headerBytes);
}
