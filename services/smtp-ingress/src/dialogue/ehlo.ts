/**
 * EHLO and HELO (RFC 5321 section 4.1.1.1): both reset the transaction. EHLO names what works on this listener now and nothing
 * else: STARTTLS until TLS is on, AUTH only under TLS on Submission. Any argument passes, as in Postfix; what the client
 * chose to call itself is never believed.
 */
import { type CommandLine, cleanText } from '@railpost/mail';
import { type SessionState, withoutTransaction } from '../session-state.ts';
import type { CommandRow, DialogueFacts, Step } from './step.ts';
import { refuse, say } from './step.ts';

/** Longest name that is kept; a longer one is cut (it stands in Received and in logs). */
const nameLimit = 512;

function greet(state: SessionState, command: CommandLine, isEsmtp: boolean): SessionState {
  const helo = cleanText(command.argument).slice(0, nameLimit);
  return { ...withoutTransaction(state), helo, isEsmtp };
}

/** HELO. */
export const helo: CommandRow = {
  isBeforeTls: true,
  isJunk: true,
  isLast: true,
  run(state, command, facts): Step {
    if (command.argument === '') return refuse(state, 'heloSyntax');
    return say(greet(state, command, false), 'hello', { hostname: facts.platform.hostname });
  },
};

/** EHLO. */
export const ehlo: CommandRow = {
  isBeforeTls: true,
  isJunk: true,
  isLast: true,
  run(state, command, facts): Step {
    if (command.argument === '') return refuse(state, 'ehloSyntax');
    const next = greet(state, command, true);
    const reply = {
      status: 'hello',
      values: { hostname: facts.platform.hostname },
      keywords: keywordsOf(next, facts),
    } as const;
    return { state: next, reply, isError: false };
  },
};

/** Keywords for a session in this state, in Postfix's order. */
function keywordsOf(state: SessionState, facts: DialogueFacts): string[] {
  const { listener } = facts;
  const size = listener.limits.messageSizeBytes;
  const keywords = ['PIPELINING', size > 0 ? `SIZE ${size}` : 'SIZE', 'VRFY'];
  if (listener.tls.mode === 'StartTLS' && state.tls === undefined) keywords.push('STARTTLS');
  if (listener.role === 'Submission' && state.tls !== undefined) keywords.push('AUTH PLAIN LOGIN');
  keywords.push('ENHANCEDSTATUSCODES', '8BITMIME', 'DSN', 'SMTPUTF8', 'CHUNKING');
  return keywords.filter((keyword) => !listener.withheldKeywords.includes(keyword.split(' ')[0] ?? ''));
}
