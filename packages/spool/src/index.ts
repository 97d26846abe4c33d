/** The spool of record: object stores, segments of accepted messages, the completion journal. */
export {
  BodyGoneError,
  ConditionalWriteError,
  ContentCorruptError,
  ObjectMissingError,
  SpoolError,
  SpoolLocationError,
  SpoolUnavailableError,
} from './errors.ts';
export type { WriteEffect } from './errors.ts';
export type { CreateResult, ListedObject, ObjectRange, ObjectStore, ObjectUpload } from './object-store.ts';
export { checkConditionalWrites, openObjectStore } from './open-object-store.ts';
