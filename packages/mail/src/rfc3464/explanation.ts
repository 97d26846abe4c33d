/**
 * The part of a report that people read, in the layout that senders know from Postfix: who speaks, what happened, what to
 * do, then each recipient with the reason. Lines stay under 80 characters where the words allow it.
 */
import { wordsOf } from '../rfc5322/fold.ts';
import type { ReportFacts, ReportRecipient } from './report.ts';

/** Lines of the text, without line ends. */
export function explanation(facts: ReportFacts): string[] {
  const opening = [`This is the mail system at host ${facts.hostname}.`, ''];
  const closing = [
    ...(facts.kind === 'success' ? [] : helpText),
    '',
    '                   The mail system',
    '',
  ];
  return [
    ...opening,
    ...bodyOf(facts),
    ...closing,
    ...facts.recipients.flatMap((each) => [...reasonOf(each), '']),
  ];
}

const helpText: readonly string[] = [
  '',
  'If you need help, please write to postmaster and include this report.',
  'You may leave out the text of your own message.',
];

function bodyOf(facts: ReportFacts): readonly string[] {
  if (facts.kind === 'success') return successText;
  return facts.kind === 'failure' ? failureText : delayText(facts);
}

const failureText: readonly string[] = [
  'Your message could not be delivered to the recipients named below.',
  'It is attached to this report.',
];

/** What the sender may conclude differs by action (RFC 3461 section 6.2): said once for all recipients below. */
const successText: readonly string[] = [
  'You asked to be told of successful delivery. Your message was taken care of',
  'for the recipients named below. Where it was put into a mailbox, this is the',
  'last you hear of it. Where another system or a list has it now, you may still',
  'be told of a failure there.',
];

function delayText(facts: ReportFacts): string[] {
  const until = facts.willRetryUntilMs;
  const age = wholeHours(facts.timeMs - facts.original.arrivalMs);
  const lines = [
    'THIS IS ONLY A WARNING. YOU NEED NOT SEND YOUR MESSAGE AGAIN.',
    '',
    `Your message could not be delivered for ${age} to the recipients named below.`,
  ];
  if (until !== undefined) {
    lines.push(`We go on trying until it is ${wholeHours(until - facts.original.arrivalMs)} old.`);
  }
  return lines;
}

/** `1 hour`, `36 hours`, `5 days`; less than an hour in minutes. */
function wholeHours(durationMs: number): string {
  const minutes = Math.max(Math.round(durationMs / 60_000), 0);
  if (minutes < 60) return count(minutes, 'minute');
  const hours = Math.round(minutes / 60);
  return hours >= 48 ? count(Math.round(hours / 24), 'day') : count(hours, 'hour');
}

function count(value: number, unit: string): string {
  return `${value} ${unit}${value === 1 ? '' : 's'}`;
}

/** `<final> (expanded from <original>): reason`, wrapped; the following lines are indented. */
function reasonOf(recipient: ReportRecipient): string[] {
  const isExpanded = recipient.original !== recipient.final;
  const expanded = isExpanded ? ['(expanded', 'from', `<${recipient.original}>):`] : [];
  const words = [
    `<${recipient.final}>${isExpanded ? '' : ':'}`,
    ...expanded,
    ...wordsOf(recipient.status.text),
  ];
  const lines: string[] = [];
  let line = '';
  for (const word of words.flatMap((each) => wordsOf(each))) {
    if (line !== '' && line.length + 1 + word.length > 78) {
      lines.push(line);
      line = `    ${word}`;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
