/**
 * What a failure to write into a mailbox means for the recipient. Never final: a disk can be mended, and our bug must not bounce
 * mail, so what is no error of the file system is left to the frame (deferred, our own fault).
 */
import type { DeliveryStatus, Disposition } from '@railpost/mail';
import { statuses } from './statuses.ts';

const full: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** The status of a file system's refusal; undefined when the exception is something else. */
export function classifyFailure(error: unknown): DeliveryStatus | undefined {
  // Node's file system errors are the ones with a `syscall`.
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return undefined;
  const code = String(error.code);
  return full.has(code) ? statuses.fileSystemFull(code) : statuses.fileSystemFailed(code);
}

/** Class 2 is delivered, class 5 bounced, all else deferred. */
export function dispositionOf(status: DeliveryStatus): Disposition {
  if (status.code.startsWith('2')) return 'delivered';
  return status.code.startsWith('5') ? 'bounced' : 'deferred';
}
