/** What `railpost recover` says. Pure. */
import type { KeeperReply, RecoveryReport, RepairReport } from '@railpost/contracts';

/** One line on how far it is; empty when there is nothing to tell. */
export function formatProgress({ isRecovered, recovery, repair }: KeeperReply): string {
  if (!isRecovered)
    return recovery === undefined
      ? 'NATS has lost what it held; recovery is about to begin'
      : recovering(recovery);
  return repair === undefined ? '' : repairing(repair);
}

function recovering({ phase, segments, segmentsDone, messages, complete, putBack }: RecoveryReport): string {
  if (phase === 'waiting' || phase === 'reading')
    return `reading the journal and ${segments} segments of the spool`;
  const share = segments === 0 ? 100 : Math.floor((100 * segmentsDone) / segments);
  return `${share} %: ${messages} messages in the spool, ${complete} finished, ${putBack} put back`;
}

function repairing({ phase, open, checked, missing, putBack }: RepairReport): string {
  if (phase === 'checking') return `${checked} of ${open} unfinished messages checked`;
  return phase === 'putting-back' ? `${putBack} of ${missing} messages put back` : '';
}

/** The end result. */
export function formatRepair(reply: KeeperReply): string {
  const { isRecovered, recovery, repair, generation } = reply;
  if (!isRecovered)
    return `NATS has lost what it held (generation ${generation}); mail is being put back. ${formatProgress(reply)}\n`;
  const lines: string[] = [];
  if (recovery?.phase === 'done') lines.push(recovered(generation, recovery));
  if (repair?.phase === 'failed')
    lines.push(`The check failed: ${repair.error ?? 'no reason given'}. Run it again.`);
  if (repair?.phase === 'done') lines.push(...repaired(repair));
  return `${lines.join('\n')}\n`;
}

function recovered(
  generation: number,
  { messages, complete, putBack, held, heldOld, damaged }: RecoveryReport,
): string {
  const notes = [
    ...(held > 0 ? [`${held} of them with something on hold`] : []),
    ...(heldOld > 0 ? [`${heldOld} on hold because nothing is known of them and they are too old`] : []),
    ...(damaged > 0 ? [`${damaged} objects of the spool could not be read`] : []),
  ];
  const more = notes.length === 0 ? '' : ` (${notes.join(', ')})`;
  return `Recovery ${generation}: ${messages} messages in the spool, ${complete} finished, ${putBack} put back${more}.`;
}

function repaired({ open, missing, putBack, isDryRun, queueIds }: RepairReport): string[] {
  if (missing === 0) return [`All ${open} unfinished messages of the spool are in the queue.`];
  const summary = isDryRun
    ? `${missing} of ${open} unfinished messages are in no queue and would be put back:`
    : `${missing} of ${open} unfinished messages were in no queue, ${putBack} were put back:`;
  const more = missing > queueIds.length ? [`  and ${missing - queueIds.length} more`] : [];
  return [summary, ...queueIds.map((queueId) => `  ${queueId}`), ...more];
}
