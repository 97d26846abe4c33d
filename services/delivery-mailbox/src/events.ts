/** What delivery-mailbox logs beside the disposition lines. */
import { type EventFunction, defineEvent } from '@railpost/runtime';

/** The first message of a mailbox made its folders. */
export const maildirCreated: EventFunction<{ readonly queueId: string; readonly folder: string }> =
  defineEvent({
    name: 'maildir-created',
    level: 'info',
    text: 'Maildir made',
  });

/** A repeated job found its file of the first time: delivered once, as it should be. */
export const repeatFound: EventFunction<{
  readonly queueId: string;
  readonly jobId: string;
  readonly file: string;
}> = defineEvent({
  name: 'repeat-found',
  level: 'info',
  text: 'message is in the mailbox already; not delivered again',
});

/** A disk or its rights: somebody must look now, mail is waiting. */
export const mailboxUnwritable: EventFunction<{
  readonly queueId: string;
  readonly folder: string;
  readonly reason: string;
}> = defineEvent({
  name: 'mailbox-unwritable',
  level: 'error',
  text: 'cannot write into a mailbox; delivery is deferred',
});
