/**
 * The queue as text, as Postfix's mailq shows it: `*` = active, `!` = on hold, then, ours, `+` = incoming, `#` = corrupt.
 * Pure.
 */
import type { AnyQueue, QueueEntry } from './queue-entries.ts';

const marks: Readonly<Record<AnyQueue, string>> = {
  incoming: '+',
  active: '*',
  deferred: ' ',
  hold: '!',
  corrupt: '#',
};

const heading = '----Queue ID----- --Size-- ----Arrival Time---- -Sender/Recipient-------';
const indent = ' '.repeat(heading.indexOf('-Sender'));

/** The table. `isCut` true: there is more than is shown. */
export function formatMailq(entries: readonly QueueEntry[], isCut = false): string {
  if (entries.length === 0) return 'Mail queue is empty\n';
  const lines = [heading];
  for (const message of byMessage(entries)) lines.push(...formatMessage(message), '');
  const bytes = sum(byMessage(entries).map(([first]) => first?.sizeBytes ?? 0));
  const count = byMessage(entries).length;
  lines.push(`-- ${Math.ceil(bytes / 1024)} Kbytes in ${count} Request${count === 1 ? '' : 's'}.`);
  if (isCut) lines.push('-- There is more; see --limit.');
  return `${lines.join('\n')}\n`;
}

function formatMessage(jobs: readonly QueueEntry[]): readonly string[] {
  const [first] = jobs;
  if (first === undefined) return [];
  const mark = marks[jobs.find(({ queue }) => queue !== 'deferred')?.queue ?? 'deferred'];
  // A damaged record may not say who it was from.
  const isUnknown = first.queue === 'corrupt' && first.recipients.length === 0;
  const sender = isUnknown ? '' : first.reversePath || 'MAILER-DAEMON';
  const size = String(first.sizeBytes).padStart(8);
  return [
    `${first.queueId}${mark} ${size} ${formatArrival(first.receivedAt).padEnd(20)} ${sender}`.trimEnd(),
    ...jobs.flatMap(formatJob),
  ];
}

function formatJob(job: QueueEntry): readonly string[] {
  const reason = job.reason === undefined || job.reason === '' ? [] : [`(${job.reason})`];
  return [
    ...reason.map((text) => text.padStart(heading.length)),
    ...job.recipients.map((each) => indent + each),
  ];
}

function byMessage(entries: readonly QueueEntry[]): readonly (readonly QueueEntry[])[] {
  const messages = new Map<string, QueueEntry[]>();
  for (const entry of entries) {
    const known = messages.get(entry.queueId);
    if (known === undefined) messages.set(entry.queueId, [entry]);
    else known.push(entry);
  }
  return [...messages.values()];
}

/** `Fri Nov 21 16:00:00` in local time, as mailq writes it. */
function formatArrival(receivedAt: string): string {
  const at = new Date(receivedAt);
  if (Number.isNaN(at.getTime())) return '';
  const [weekday = '', month = '', day = ''] = at.toDateString().split(' ');
  const clock = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) =>
    String(part).padStart(2, '0'),
  );
  return `${weekday} ${month} ${day} ${clock.join(':')}`;
}

function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
