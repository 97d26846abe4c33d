/**
 * Keeps the memory of a run through the whole spool small: everything read is garbage a moment later, and V8, left alone, lets garbage grow
 * with the memory of the machine instead of the limit of a pod. Collects whenever so much has come together since the last time.
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const allowedBytes = 40 * 2 ** 20;

/** Makes the function to be called now and then; it costs some microseconds when there is nothing to do. */
export function createTidier(): () => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void; // the flag above makes it
  let before = usedBytes();
  return () => {
    if (usedBytes() - before < allowedBytes) return;
    collect();
    before = usedBytes();
  };
}

function usedBytes(): number {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}
