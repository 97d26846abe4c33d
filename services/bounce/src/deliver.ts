/**
 * A report on its way: composed, stored in the spool like any accepted message, then published to INCOMING. Both are durable when
 * this resolves. A repeat makes the same octets under the same queue id; its segment may stand in the spool twice, which cleanup and
 * recovery take for the one message that it is.
 */
import { isAscii } from 'node:buffer';
import { type DispatchedJob, type RecipientOutcome, encodeIncomingRecord } from '@railpost/contracts';
import {
  type DeliveryStatus,
  type Envelope,
  type Report,
  type ReportRecipient,
  applyEdits,
  composeReport,
  formatMessageId,
} from '@railpost/mail';
import { type AgentTask, type PendingRecipient, traceparentHeader } from '@railpost/runtime';
import type { SegmentReader } from '@railpost/spool';
import type { ReportKind } from './classify.ts';
import type { BounceTools } from './consume.ts';
import { reportQueueId } from './report-identity.ts';
import { statuses } from './statuses.ts';

/** A report that is owed. */
export interface OwedReport {
  readonly task: AgentTask;
  readonly kind: ReportKind;
  readonly report: NonNullable<DispatchedJob['report']>;
  /** The recipients that it is about. */
  readonly about: readonly PendingRecipient[];
  readonly returned: 'full' | 'headers';
}

/** RFC 2046 section 5.1.1. */
const longestBoundary = 70;

/**
 * Sends a report and gives back its queue id.
 * @throws BodyGoneError, ContentCorruptError about the original; SpoolUnavailableError, StreamFullError, BusClosedError
 */
export async function sendReport(owed: OwedReport, tools: BounceTools): Promise<string> {
  const { task, kind, report: facts } = owed;
  const { decidedAtMs } = facts;
  const queueId = reportQueueId({ jobId: task.job.jobId, kind, tries: task.tries, decidedAtMs });
  const original = await readOriginal(owed, tools.reader);
  tools.crashPoint('bounce.accepted');
  const { hostname } = tools.configuration.current().platform;
  const report = compose(owed, { queueId, hostname, is8Bit: !isAscii(original) });
  const envelope = envelopeOf(owed, queueId, report);

  const record = tools.writer.begin();
  for (const part of [report.before, original, report.after]) await record.write(part);
  const body = await record.commit(envelope, report.headerBytes);
  tools.crashPoint('bounce.put-before-publish');
  const payload = encodeIncomingRecord(
    { version: 1, envelope, body, attempt: 0 },
    report.before.subarray(0, report.headerBytes),
  );
  await tools.publisher.publish(tools.names.incomingSubject(queueId), payload, {
    messageId: `${queueId}/0`,
    headers: { [traceparentHeader]: task.traceparent },
    signal: task.signal,
  });
  tools.crashPoint('bounce.published-before-answer');
  return queueId;
}

/** The octets to be returned, as we would have sent them on: with the header edits of cleanup. */
async function readOriginal(owed: OwedReport, reader: SegmentReader): Promise<Buffer> {
  const { job, upcoming } = owed.task;
  const { content } = job;
  const octets =
    owed.returned === 'full'
      ? (await reader.read(content, upcoming + 1)).chunks()
      : oneChunk(await reader.readRange(content, 0, content.headerBytes));
  const parts: Uint8Array[] = [];
  for await (const part of applyEdits(octets, job.edits)) parts.push(part);
  const whole = Buffer.concat(parts);
  // text/rfc822-headers ends with its last field (RFC 6522 section 4).
  const hasEmptyLine = owed.returned === 'headers' && whole.subarray(-4).equals(Buffer.from('\r\n\r\n'));
  return hasEmptyLine ? whole.subarray(0, -2) : whole;
}

async function* oneChunk(octets: Uint8Array): AsyncIterable<Uint8Array> {
  yield octets;
}

function compose(
  { task, kind, report, about, returned }: OwedReport,
  made: { readonly queueId: string; readonly hostname: string; readonly is8Bit: boolean },
): Report {
  const { job } = task;
  const { queueId, hostname, is8Bit } = made;
  const timeMs = report.decidedAtMs;
  return composeReport({
    kind,
    hostname,
    queueId,
    messageId: formatMessageId(timeMs, queueId, hostname),
    timeMs,
    boundary: `${queueId}/${hostname}`.slice(0, longestBoundary),
    original: {
      queueId: job.queueId,
      reversePath: job.reversePath,
      arrivalMs: Date.parse(job.receivedAt),
      envid: job.envid,
      smtputf8: job.smtputf8,
      is8Bit,
    },
    recipients: about.map((each) => reportRecipient(each, kind, report)),
    willRetryUntilMs: report.willRetryUntil === undefined ? undefined : Date.parse(report.willRetryUntil),
    returned,
  });
}

function reportRecipient(
  { recipient }: PendingRecipient,
  kind: ReportKind,
  report: OwedReport['report'],
): ReportRecipient {
  const { orig, original, final, orcpt } = recipient;
  const outcome = report.outcomes.find((each) => each.orig === orig && each.final === final);
  if (outcome === undefined) throw new TypeError(`the report has no outcome for recipient ${orig}`);
  // A failure may come of an attempt that made a report of success due: its alias was expanded.
  const action = kind === 'success' ? outcome.successReport : undefined;
  if (action === undefined) return { original, final, orcpt, status: outcome.status };
  // It was the list that was expanded: nobody is told who is behind it (RFC 3464 section 2.3.2).
  if (action === 'expanded') return { original, final: original, orcpt, action, status: statuses.expanded };
  return { original, final, orcpt, action, status: deliveredVia(outcome) };
}

/** Says by which way, as Postfix does. */
function deliveredVia({ relay, status }: RecipientOutcome): DeliveryStatus {
  return { ...status, text: `delivery via ${relay}: ${status.text}` };
}

/** Null reverse-path, so that nobody answers it; `settles` counts as journal entries for recovery (durability rule 6). */
function envelopeOf({ task, kind, report: facts }: OwedReport, queueId: string, report: Report): Envelope {
  const { job, pending, traceparent } = task;
  const settles = pending.map(({ recipient: { orig, final, run, n } }) => ({
    queueId: job.queueId,
    orig,
    final,
    run,
    n,
  }));
  return {
    version: 1,
    queueId,
    reversePath: '',
    recipients: [{ address: job.reversePath }],
    body: report.body,
    smtputf8: report.smtputf8,
    client: { listener: '', role: 'Local', address: '', port: 0, name: '', helo: '', protocol: '' },
    receivedAt: new Date(facts.decidedAtMs).toISOString(),
    traceparent,
    // A delay settles nothing, and a success is in the journal already.
    ...(kind === 'failure' ? { settles } : {}),
  };
}
