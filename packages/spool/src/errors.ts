/**
 * What can go wrong with the spool, as classes. `temporary` says whether trying again later can help; none of these ever
 * bounces mail: an ingress answers 451, a consumer naks, an agent defers.
 */

/** What is known about a write that failed: `none` = it has no effect and never will; `unknown` = it may exist or still appear. */
export type WriteEffect = 'none' | 'unknown';

/** Base of all errors of the spool. */
export class SpoolError extends Error {
  readonly code: string;
  readonly temporary: boolean;

  constructor(code: string, temporary: boolean, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    this.temporary = temporary;
  }
}

/** Object storage could not be used right now: unreachable, refusing, full, too slow, or its memory budget is used up. */
export class SpoolUnavailableError extends SpoolError {
  readonly effect: WriteEffect;

  constructor(message: string, options: { readonly effect: WriteEffect; readonly cause?: unknown }) {
    super('SPOOL_UNAVAILABLE', true, message, options.cause);
    this.effect = options.effect;
  }
}

/** There is no object of that name. */
export class ObjectMissingError extends SpoolError {
  readonly key: string;

  constructor(key: string, cause?: unknown) {
    super('OBJECT_MISSING', false, `no object ${key}`, cause);
    this.key = key;
  }
}

/** The octets read are not those that were written: a checksum differs, or a segment is no segment. */
export class ContentCorruptError extends SpoolError {
  readonly key: string;

  constructor(key: string, reason: string, cause?: unknown) {
    super('CONTENT_CORRUPT', false, `${key}: ${reason}`, cause);
    this.key = key;
  }
}

/** Neither the segment nor a later copy of its survivors holds the content (durability rules 15, 16). */
export class BodyGoneError extends SpoolError {
  readonly key: string;

  constructor(key: string) {
    super('BODY_GONE', false, `the spool has no content of ${key} any more`);
    this.key = key;
  }
}

/** The object store cannot create without overwriting; nothing may be accepted on it (durability rule 2). */
export class ConditionalWriteError extends SpoolError {
  constructor(message: string, cause?: unknown) {
    super('CONDITIONAL_WRITES_MISSING', false, message, cause);
  }
}

/** The location string, or what it names, cannot be used as an object store. */
export class SpoolLocationError extends SpoolError {
  constructor(message: string, cause?: unknown) {
    super('SPOOL_LOCATION', false, message, cause);
  }
}
