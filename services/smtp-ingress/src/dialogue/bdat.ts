/**
 * BDAT (RFC 3030 section 2). A refused chunk is read and dropped before the reply, and so are all chunks after it until RSET,
 * EHLO or LAST: a pipelining client has already sent them. The session is over when the size cannot be read (521), or is so far
 * above the limit that reading it would only be a burden (as Postfix).
 */
import { asciiUpperCase } from '@railpost/mail';
import { type SessionState, withoutTransaction } from '../session-state.ts';
import type { StatusName } from '../statuses.ts';
import { missingForContent } from './data.ts';
import type { CommandRow, DialogueFacts, Step } from './step.ts';
import { refuse } from './step.ts';

/** A chunk of so many times the limit is not even read. */
const hopelessFactor = 1.5;

/** A well-formed BDAT. */
interface Chunk {
  readonly bytes: number;
  readonly isLast: boolean;
}

/** BDAT. */
export const bdat: CommandRow = {
  run(state, command, facts): Step {
    if (facts.listener.withheldKeywords.includes('CHUNKING')) {
      return { ...refuse(state, 'bdatNotOffered'), effect: { kind: 'close' } };
    }
    const chunk = parseChunk(command.argument);
    if (chunk === undefined) return { ...refuse(state, 'bdatSyntax'), effect: { kind: 'close' } };
    if (state.chunking === 'failed') return drop(state, chunk, 'chunkDiscarded');
    const limit = facts.listener.limits.messageSizeBytes;
    if (limit > 0 && chunk.bytes > limit * hopelessFactor) {
      return { ...refuse(state, 'chunkTooLarge'), effect: { kind: 'close' } };
    }
    const problem = missingForContent(state) ?? problemOf(chunk, facts);
    if (problem !== undefined) return drop(state, chunk, problem);
    return {
      state: { ...state, chunking: 'open' },
      effect: { kind: 'chunk', bytes: chunk.bytes, isLast: chunk.isLast },
      isError: false,
    };
  },
};

/** The state after a chunk was refused: the transaction is lost, chunks that follow are dropped. */
export function afterRefusedChunk(state: SessionState, isLast: boolean): SessionState {
  return isLast ? withoutTransaction(state) : { ...state, transaction: undefined, chunking: 'failed' };
}

function drop(state: SessionState, chunk: Chunk, status: StatusName): Step {
  return {
    ...refuse(afterRefusedChunk(state, chunk.isLast), status, { bytes: chunk.bytes }),
    effect: { kind: 'discard', bytes: chunk.bytes },
  };
}

function problemOf(chunk: Chunk, facts: DialogueFacts): StatusName | undefined {
  // An empty chunk that is not the last one is only good for keeping us busy.
  if (chunk.bytes === 0 && !chunk.isLast) return 'nullChunk';
  const limit = facts.listener.limits.messageSizeBytes;
  return limit > 0 && chunk.bytes > limit ? 'chunkTooLarge' : undefined;
}

function parseChunk(argument: string): Chunk | undefined {
  const parts = /^0*(\d{1,15})(?:[ \t]+([A-Za-z]+))?$/.exec(argument);
  const last = parts?.[2] === undefined ? '' : asciiUpperCase(parts[2]);
  if (parts === null || (last !== '' && last !== 'LAST')) return undefined;
  return { bytes: Number(parts[1]), isLast: last === 'LAST' };
}
