/**
 * Keeps the memory of a run through much data small: nearly everything read is garbage a moment later, and V8, left alone, lets garbage grow
 * with the memory of the machine instead of the limit of a pod. Collects whenever so much has come together since the last time: first among
 * what is young, where nearly all of it lies, and everything only when that was not enough. Looking at everything costs most when there is
 * much that stays.
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** How much may come together. */
export interface TidierOptions {
  /** Octets. @default 40 MiB */
  readonly allowedBytes?: number;
  /** Or this part of what was there after the last time, when that is more: for data that stays and grows. @default 0 */
  readonly allowedShare?: number;
}

const defaultAllowedBytes = 40 * 2 ** 20;

/**
 * Makes the function to be called now and then; it costs some microseconds when there is nothing to do. With true it collects in any
 * case: for the end of the run.
 */
export function createTidier(options: TidierOptions = {}): (isEnd?: boolean) => void {
  const { allowedBytes = defaultAllowedBytes, allowedShare = 0 } = options;
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options?: { readonly type: 'minor' }) => void; // the flag above makes it
  let before = usedBytes();
  const isMuch = () => usedBytes() - before >= Math.max(allowedBytes, before * allowedShare);
  return (isEnd = false) => {
    if (!isEnd) {
      if (!isMuch()) return;
      collect({ type: 'minor' });
      if (!isMuch()) return;
    }
    collect();
    before = usedBytes();
  };
}

function usedBytes(): number {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}
