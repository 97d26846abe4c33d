/**
 * Creating an object whose fate must be known at the end (durability rule 2). A try whose answer got lost is repeated with the same
 * name and octets; `exists` is then our own, verified by its size and footer. When the deadline has passed and a try may still land
 * later, an empty void object is put under the same name: if that is created, the object can never appear; if the name is taken,
 * the object did appear. Only so may an ingress answer 451.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { SpoolUnavailableError } from './errors.ts';
import type { CreateResult, ObjectStore } from './object-store.ts';

/** The object to be created, and how to recognise it. */
export interface ObjectToCommit {
  readonly key: string;
  /** Its size in octets and its last octets, which hold a checksum. */
  readonly bytes: number;
  readonly footer: Uint8Array;
  /** One try; repeated calls send the same octets. */
  write(deadlineMs: number): Promise<CreateResult>;
}

/** Times of a commit, in milliseconds. */
export interface CommitLimits {
  /** After this, a commit whose effect is unknown is decided by a void object. */
  readonly deadlineMs: number;
  /** After this, a commit that was only ever refused (nothing can appear) is given up. */
  readonly refusalMs: number;
  /** When the void object too has had no answer for this long, nobody waits for the decision any more. */
  readonly undecidedMs: number;
}

/** What it takes to recognise an object. */
type Recognised = Pick<ObjectToCommit, 'key' | 'bytes' | 'footer'>;

const firstPauseMs = 100;
const longestPauseMs = 2_000;
const voidDeadlineMs = 10_000;

/**
 * Resolves when the object is durable.
 * @param signal aborted when the process stops: no more tries then
 * @throws SpoolUnavailableError effect `none`: it can never appear; `unknown`: the store is out of reach (or `signal` came first), so
 *   nothing may be promised or refused; the void object is still tried in the background until `signal`
 */
export async function commitObject(
  store: ObjectStore,
  object: ObjectToCommit,
  limits: CommitLimits,
  signal: AbortSignal,
): Promise<void> {
  const startedAtMs = performance.now();
  let isUnknown = false;
  let pauseMs = firstPauseMs;
  let failure: unknown;
  do {
    const leftMs = limits.deadlineMs - (performance.now() - startedAtMs);
    try {
      if ((await object.write(leftMs)) === 'created') return;
      isUnknown = true;
      return await within(checkOurs(store, object), limits.undecidedMs, () => undecided(object.key, failure));
    } catch (error) {
      if (!(error instanceof SpoolUnavailableError) || error instanceof NeverAppearsError) throw error;
      isUnknown ||= error.effect === 'unknown';
      failure = error;
    }
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    pauseMs = Math.min(pauseMs * 2, longestPauseMs);
  } while (
    !signal.aborted &&
    performance.now() - startedAtMs < (isUnknown ? limits.deadlineMs : limits.refusalMs)
  );
  if (!isUnknown)
    throw new SpoolUnavailableError(`${object.key} was refused`, { effect: 'none', cause: failure });
  // The octets of the object are not held for that: only what it is recognised by.
  const { key, bytes, footer } = object;
  const recognised = { key, bytes, footer: Uint8Array.from(footer) };
  return within(decideByVoid(store, recognised, signal), limits.undecidedMs, () => undecided(key, failure));
}

async function within(work: Promise<void>, limitMs: number, late: () => Error): Promise<void> {
  const timer = new AbortController();
  work.catch(() => undefined); // when nobody waits any more
  const timeout = sleep(limitMs, undefined, { signal: timer.signal, ref: false }).then(
    () => {
      throw late();
    },
    () => work,
  );
  try {
    await Promise.race([work, timeout]);
  } finally {
    timer.abort();
  }
}

function undecided(key: string, cause: unknown): SpoolUnavailableError {
  return new SpoolUnavailableError(`whether ${key} was stored is not known`, { effect: 'unknown', cause });
}

/** The name is settled, and not by our object. */
class NeverAppearsError extends SpoolUnavailableError {}

/** Puts the void and believes what it finds; goes on until the store has answered. */
async function decideByVoid(store: ObjectStore, object: Recognised, signal: AbortSignal): Promise<void> {
  let pauseMs = firstPauseMs;
  let failure: unknown;
  while (!signal.aborted) {
    try {
      if ((await store.create(object.key, [], voidDeadlineMs)) === 'exists')
        return await checkOurs(store, object);
      throw new NeverAppearsError(`${object.key} was given up`, { effect: 'none' });
    } catch (error) {
      if (!(error instanceof SpoolUnavailableError) || error instanceof NeverAppearsError) throw error;
      failure = error;
    }
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    pauseMs = Math.min(pauseMs * 2, longestPauseMs);
  }
  throw undecided(object.key, failure);
}

/** Resolves when the object under the name is ours. @throws NeverAppearsError when it is a void or foreign */
async function checkOurs(store: ObjectStore, object: Recognised): Promise<void> {
  const size = await store.size(object.key);
  if (size === object.bytes) {
    const bytes = object.footer.length;
    const found = await store.read(object.key, { offset: size - bytes, bytes });
    if (Buffer.from(found).equals(object.footer)) return;
  }
  const what = size === 0 ? 'a void' : 'another object';
  throw new NeverAppearsError(`${object.key} is taken by ${what}`, { effect: 'none' });
}
