/** What bounce logs, in Postfix's words where pflogsumm and administrators look for them. */
import { type EventFunction, defineEvent } from '@railpost/runtime';
import type { ReportKind } from './classify.ts';

const postfixKind: Readonly<Record<ReportKind, string>> = {
  failure: 'non-delivery',
  delay: 'delay',
  success: 'delivery status',
};

/** A report is on its way to the sender. */
export const reportQueued: EventFunction<{
  readonly queueId: string;
  readonly kind: ReportKind;
  /** Queue id of the report. */
  readonly reportQueueId: string;
  readonly recipients: number;
  readonly traceparent: string;
}> = defineEvent({
  name: 'report-queued',
  level: 'info',
  text: 'sender notification queued',
  postfix: {
    program: 'bounce',
    line: ({ queueId, kind, reportQueueId }) =>
      `${queueId}: sender ${postfixKind[kind]} notification: ${reportQueueId}`,
  },
});

/** Nobody is to be told. */
export const reportNotOwed: EventFunction<{
  readonly queueId: string;
  readonly kind: ReportKind;
  readonly reason: string;
}> = defineEvent({
  name: 'report-not-owed',
  level: 'info',
  text: 'no sender notification owed',
  postfix: { program: 'bounce', line: () => undefined },
});
