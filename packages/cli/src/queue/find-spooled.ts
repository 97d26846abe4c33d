/**
 * Finds a message in the spool by its queue id alone, for when the record that knew its place is damaged: looks through the segments that
 * were begun since the id was made. And reads a content to its end, because only its checksum says that it can be delivered.
 */
import { type BodyRef, type Envelope, queueIdTimeMs } from '@railpost/mail';
import {
  BodyGoneError,
  ContentCorruptError,
  ObjectMissingError,
  type ObjectStore,
  type SegmentRecord,
  openSegmentReader,
  readSegment,
  segmentListingStart,
  segmentPrefix,
} from '@railpost/spool';

/** What was found. */
export interface FoundMessage {
  readonly envelope: Envelope;
  readonly body: BodyRef;
}

/** The answer, and the segments whose index cannot be read: the message may stand in one of them. */
export interface SpoolSearch {
  readonly message: FoundMessage | undefined;
  readonly unreadable: readonly string[];
}

/** Clocks of the processes that take mail may differ by this much. */
const clockSlackMs = 60_000;
const readAtOnce = 16;

/** Looks for it; first in the segment `hint`, where it once was. @throws SpoolUnavailableError */
export async function findSpooled(store: ObjectStore, queueId: string, hint?: string): Promise<SpoolSearch> {
  const unreadable: string[] = [];
  const lookInto = async (key: string): Promise<SegmentRecord | undefined> => {
    try {
      const { records } = await readSegment(store, key);
      return records.find(({ envelope }) => envelope.queueId === queueId);
    } catch (error) {
      if (error instanceof ContentCorruptError) unreadable.push(key);
      else if (!(error instanceof ObjectMissingError)) throw error;
      return undefined;
    }
  };
  const hinted = hint === undefined ? undefined : await lookInto(hint);
  if (hinted !== undefined) return { message: hinted, unreadable };
  const start = segmentListingStart(queueIdTimeMs(queueId) - clockSlackMs);
  let keys: string[] = [];
  const lookIntoAll = async () => {
    const found = await Promise.all(keys.map(lookInto));
    keys = [];
    return found.find((each) => each !== undefined);
  };
  for await (const { key } of store.list(segmentPrefix, start)) {
    if (key === hint) continue;
    keys.push(key);
    if (keys.length < readAtOnce) continue;
    const message = await lookIntoAll();
    if (message !== undefined) return { message, unreadable };
  }
  return { message: await lookIntoAll(), unreadable };
}

/** Undefined: every octet can be read as it was written; else why not. @throws SpoolUnavailableError */
export async function contentProblem(store: ObjectStore, body: BodyRef): Promise<string | undefined> {
  try {
    let bytes = 0;
    const content = await openSegmentReader(store, { cacheBytes: 0 }).read(body);
    for await (const chunk of content.chunks()) bytes += chunk.length;
    return bytes === body.bytes ? undefined : `${body.key} gave ${bytes} of ${body.bytes} octets`;
  } catch (error) {
    if (error instanceof ContentCorruptError || error instanceof BodyGoneError) return error.message;
    throw error;
  }
}
