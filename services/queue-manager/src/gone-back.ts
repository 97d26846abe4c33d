/**
 * Notices when NATS is back with an older copy of its data (durability rule 18): its streams end before what this term saw or wrote. From
 * then on the sequences in memory name other records, or none, so the term ends and the next one begins from what there is. Whether
 * a new generation has to begin is judged by the stream guard, from what the spool remembers.
 */
import { readPosition } from '@railpost/bus';
import { busProblem } from './events.ts';
import type { Term } from './term.ts';

/** To be called after each reconnect, before anything new is written. Ends the term when a stream has gone back. */
export async function endIfGoneBack(term: Term): Promise<void> {
  const { context, shard, effects } = term;
  const known = { ...effects.lastSequences };
  try {
    for (const [stream, sequence] of Object.entries(known)) {
      const { lastSequence } = await readPosition(context.bus, stream);
      if (lastSequence < sequence)
        return term.end(`${stream} ends at ${lastSequence}, it was at ${sequence}`);
    }
  } catch (error) {
    busProblem(context.log, { shard, what: 'looking for what NATS has forgotten', error: String(error) });
  }
}
