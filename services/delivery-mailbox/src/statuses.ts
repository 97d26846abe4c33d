/** Every status that delivery-mailbox gives (RFC 3463 codes, Postfix's words). Class 4 is deferred, class 5 bounced. */
import type { DeliveryStatus } from '@railpost/mail';

/** Symbol -> status. */
export const statuses = {
  delivered: { code: '2.0.0', text: 'delivered to maildir' },
  unknownUser: (address: string): DeliveryStatus => ({ code: '5.1.1', text: `unknown user: "${address}"` }),
  mailboxDisabled: (address: string): DeliveryStatus => ({
    code: '5.2.1',
    text: `mailbox "${address}" is disabled`,
  }),
  /** The file system or its quota for our user is full: room comes back. */
  fileSystemFull: (code: string): DeliveryStatus => ({
    code: '4.3.1',
    text: `maildir delivery failed: no space (${code})`,
  }),
  /** Anything else that the file system refuses. */
  fileSystemFailed: (code: string): DeliveryStatus => ({
    code: '4.3.0',
    text: `maildir delivery failed: file system error ${code}`,
  }),
} as const satisfies Readonly<Record<string, DeliveryStatus | ((text: string) => DeliveryStatus)>>;
