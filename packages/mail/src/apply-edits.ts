/**
 * Applies header edits to content while it streams by: what a delivery agent puts between the spool and the next hop.
 * Chunks are cut, never copied: octets between two splices leave as views of the chunk they came in. Assumes the order
 * that HeaderEdit promises (by `at`, not overlapping); edits at or behind the end of the content are inserted at the end.
 */
import { encodeUtf8 } from './bytes.ts';
import type { HeaderEdit } from './header-edit.ts';

/** Yields the content with the edits applied. Without edits the chunks pass unchanged. */
export async function* applyEdits(
  chunks: AsyncIterable<Uint8Array>,
  edits: readonly HeaderEdit[],
): AsyncGenerator<Uint8Array, void, undefined> {
  const applier = createEditApplier(edits);
  for await (const chunk of chunks) yield* applier.push(chunk);
  yield* applier.finish();
}

/** Size of the content after the edits, in octets. */
export function editedBytes(bytes: number, edits: readonly HeaderEdit[]): number {
  let total = bytes;
  for (const edit of edits) total += encodeUtf8(edit.insert).length - edit.remove;
  return total;
}

/** The splices as a push transform, for callers that have no async iterable. */
export interface EditApplier {
  /** Takes the next octets; answers what may be sent now, in order. */
  push(chunk: Uint8Array): readonly Uint8Array[];
  /** Takes the end of the content; answers insertions that stand at or behind it. */
  finish(): readonly Uint8Array[];
}

/** @throws RangeError when the edits are not ordered or overlap */
export function createEditApplier(edits: readonly HeaderEdit[]): EditApplier {
  requireOrder(edits);
  let offset = 0;
  let next = 0;
  let toRemove = 0;
  return {
    push(chunk) {
      const out: Uint8Array[] = [];
      let rest = chunk;
      while (rest.length > 0) {
        if (toRemove > 0) {
          const removed = Math.min(toRemove, rest.length);
          toRemove -= removed;
          offset += removed;
          rest = rest.subarray(removed);
          continue;
        }
        const edit = edits[next];
        const kept = edit === undefined ? rest.length : Math.min(edit.at - offset, rest.length);
        if (kept > 0) out.push(rest.subarray(0, kept));
        offset += kept;
        rest = rest.subarray(kept);
        if (edit !== undefined && offset === edit.at && (rest.length > 0 || edit.remove === 0)) {
          if (edit.insert !== '') out.push(encodeUtf8(edit.insert));
          toRemove = edit.remove;
          next += 1;
        }
      }
      return out;
    },
    finish() {
      const rest = edits.slice(next).filter((edit) => edit.insert !== '');
      next = edits.length;
      return rest.map((edit) => encodeUtf8(edit.insert));
    },
  };
}

function requireOrder(edits: readonly HeaderEdit[]): void {
  let end = 0;
  for (const edit of edits) {
    if (edit.at < end) throw new RangeError('header edits overlap or are not in order');
    end = edit.at + edit.remove;
  }
}
