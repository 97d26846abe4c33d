/** Waiting for something that must come soon, with a limit and a sentence for when it does not. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Complaint } from '../complaint.ts';

/** What to wait for. */
export interface WaitRequest {
  readonly limitMs: number;
  readonly stepMs: number;
  /** Ends the waiting with the signal's reason. */
  readonly signal: AbortSignal;
  /** Told when the limit is reached. */
  complaint(): string;
}

/** Asks `isDone` until it says true. @throws Complaint at the limit; what `isDone` throws passes */
export async function waitUntil(
  request: WaitRequest,
  isDone: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + request.limitMs;
  while (!(await isDone())) {
    request.signal.throwIfAborted();
    if (performance.now() > deadline) throw new Complaint(request.complaint());
    await sleep(request.stepMs);
  }
}
