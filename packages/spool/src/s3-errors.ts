/**
 * What an S3 server's refusals mean for us. The SDK's exceptions carry the HTTP status; their names differ from server to
 * server, so the status counts.
 */
import { S3ServiceException } from '@aws-sdk/client-s3';
import { ObjectMissingError, SpoolUnavailableError, type WriteEffect } from './errors.ts';

/** 412: the name is taken. */
export function isPreconditionFailed(error: unknown): boolean {
  return statusOf(error) === 412;
}

/** 409: a conditional write of the same name is under way; this one had no effect. */
export function isConflict(error: unknown): boolean {
  return statusOf(error) === 409;
}

/** 404 about the object or upload (a missing bucket is a fault of the installation, not an absent object). */
export function isMissing(error: unknown): boolean {
  return statusOf(error) === 404 && !(error instanceof S3ServiceException && error.name === 'NoSuchBucket');
}

/** Runs a read and translates what it throws. @throws ObjectMissingError, SpoolUnavailableError */
export async function translateRead<Result>(key: string, action: () => Promise<Result>): Promise<Result> {
  try {
    return await action();
  } catch (error) {
    if (isMissing(error)) throw new ObjectMissingError(key, error);
    throw new SpoolUnavailableError(`cannot read ${key}`, { effect: 'none', cause: error });
  }
}

/**
 * Translates a failed write. Only an answer of the 4xx kind, S3's own `SlowDown` (it refused to begin), or a connection never made proves
 * that it had no effect.
 */
export function translateWrite(error: unknown, message: string): SpoolUnavailableError {
  return new SpoolUnavailableError(message, { effect: writeEffect(error), cause: error });
}

function writeEffect(error: unknown): WriteEffect {
  const status = statusOf(error);
  if (status !== undefined) return isRefusal(status) || isSlowDown(error) ? 'none' : 'unknown';
  return connectionNeverMade.has(codeOf(error) ?? '') ? 'none' : 'unknown';
}

function isRefusal(status: number): boolean {
  return status >= 400 && status < 500;
}

function isSlowDown(error: unknown): boolean {
  return error instanceof S3ServiceException && error.name === 'SlowDown';
}

const connectionNeverMade: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
