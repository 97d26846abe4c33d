/**
 * From planned recipients to delivery jobs: one per next hop and mail domain, at most so many recipients each, in the order
 * of the envelope. Held recipients stand in jobs of their own, so that others do not wait with them. Pure; the job id is
 * a hash of what the job is, so the same decision always makes the same jobs.
 */
import { type DeliveryJob, type JobRecipient, destinationOf, jobIdentity } from '@railpost/contracts';
import type { HeaderEdit } from '@railpost/mail';
import type { PlannedRecipient } from './expand-recipients.ts';

/** What all jobs of a message share. */
export type JobTemplate = Omit<
  DeliveryJob,
  'version' | 'jobId' | 'nextHop' | 'destination' | 'mailDomain' | 'recipients' | 'edits'
>;

export interface GroupingFacts {
  readonly template: JobTemplate;
  /** Edits for a transport: a mailbox prepends a Return-Path of its own. */
  readonly editsFor: (transport: DeliveryJob['nextHop']['transport']) => readonly HeaderEdit[];
  /** Most recipients of one job, at least 1. */
  readonly recipientsPerJob: number;
  readonly sha256Hex: (text: string) => string;
}

/** Groups recipients into jobs. */
export function groupJobs(planned: readonly PlannedRecipient[], facts: GroupingFacts): DeliveryJob[] {
  const groups = new Map<string, PlannedRecipient[]>();
  for (const each of planned) {
    const key = JSON.stringify([each.nextHop, each.mailDomain ?? null, each.isHeld]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [each]);
    else group.push(each);
  }
  const jobs: DeliveryJob[] = [];
  for (const group of groups.values()) {
    for (let start = 0; start < group.length; start += facts.recipientsPerJob) {
      jobs.push(...makeJob(group.slice(start, start + facts.recipientsPerJob), facts));
    }
  }
  return jobs;
}

function makeJob(group: readonly PlannedRecipient[], facts: GroupingFacts): DeliveryJob[] {
  const [first] = group;
  if (first === undefined) return [];
  const { nextHop, mailDomain } = first;
  const recipients = group.map(jobRecipient);
  const identity = jobIdentity({ queueId: facts.template.queueId, nextHop, recipients });
  return [
    {
      version: 1,
      jobId: facts.sha256Hex(identity).slice(0, 32),
      ...facts.template,
      nextHop,
      destination: destinationOf(nextHop),
      ...(mailDomain === undefined ? {} : { mailDomain }),
      recipients,
      edits: [...facts.editsFor(nextHop.transport)],
    },
  ];
}

function jobRecipient(planned: PlannedRecipient): JobRecipient {
  const { recipient } = planned;
  return {
    orig: planned.orig,
    original: recipient.address,
    final: planned.final,
    run: planned.run,
    n: planned.n,
    ...(planned.notify === undefined ? {} : { notify: planned.notify }),
    ...(recipient.orcpt === undefined ? {} : { orcpt: recipient.orcpt }),
    ...(planned.isExpansionReportDue ? { isExpansionReportDue: true } : {}),
    ...(planned.isHeld ? { isHeld: true } : {}),
  };
}
