/**
 * The mail of the crash points and what must have become of it: delivered, deferred once, bounced, mixed, such whose senders want to
 * hear of success, and one that is put on hold and released. Whatever an owner goes through, every recipient has exactly one
 * terminal entry in the journal, nothing is left in NATS, agents delivered each recipient once (the agents live on, so no
 * duplicate is inherent), and the held message was not attempted before its release was asked for.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from '@railpost/bus';
import {
  type ControlRequest,
  type DeliveryJob,
  encodeRecord,
  isTerminal,
  queueManagerConsumer,
} from '@railpost/contracts';
import type { ExpectStatic } from 'vitest';
import {
  type TestAgent,
  type TestPlatform,
  enqueue,
  isDrained,
  makeJob,
  readDefer,
  readJournal,
  startAgent,
  until,
} from './harness.ts';

/** A machine that runs all tests at once is slow. */
const patienceMs = 180_000;

/** Mail on its way. */
export interface Mail {
  readonly jobs: readonly DeliveryJob[];
  readonly held: DeliveryJob;
  /** Of `jobs`: those that owe one report of success. */
  readonly asked: readonly DeliveryJob[];
  readonly agent: TestAgent;
  readonly bounce: TestAgent;
}

function fateOf(final: string, attempt: number): 'delivered' | 'deferred' | 'bounced' {
  if (final.startsWith('slow') && attempt === 1) return 'deferred';
  return final.startsWith('bad') ? 'bounced' : 'delivered';
}

/** Sends the mail. Finals say what becomes of them: `good`, `slow` (deferred at first), `bad`, `quiet` (held while quiet). */
export async function sendMail(platform: TestPlatform): Promise<Mail> {
  const attempts = new Map<string, number>();
  const agent = await startAgent(platform, 'smtp', (task) => ({
    recipients: task.pending.map(({ index, recipient }) => {
      const key = `${task.job.queueId} ${recipient.final}`;
      const count = (attempts.get(key) ?? 0) + 1;
      attempts.set(key, count);
      const fate = fateOf(recipient.final, count);
      return { index, disposition: fate, status: { code: '2.0.0', text: fate }, relay: 'test' };
    }),
  }));
  const bounce = await startAgent(platform, 'bounce');
  const jobs = [
    ...Array.from({ length: 3 }, (_, index) => makeJob({ recipients: [{ final: `good${index}@x.test` }] })),
    ...Array.from({ length: 3 }, (_, index) => makeJob({ recipients: [{ final: `slow${index}@x.test` }] })),
    makeJob({ recipients: [{ final: 'bad@x.test' }] }),
    makeJob({ recipients: [{ final: 'good@m.test' }, { final: 'slow@m.test' }, { final: 'bad@m.test' }] }),
  ];
  const notify = ['SUCCESS' as const];
  const asked = [
    makeJob({ recipients: [{ final: 'glad@x.test', notify }] }),
    makeJob({ recipients: [{ final: 'glad@m.test', notify }, { final: 'slow@y.test' }] }),
    makeJob({ recipients: [{ final: 'slow@list.test', notify: ['NEVER'], isExpansionReportDue: true }] }),
  ];
  const held = makeJob({ recipients: [{ final: 'quiet@x.test', isHeld: true }] });
  await enqueue(platform, ...jobs, ...asked, held);
  return { jobs: [...jobs, ...asked, held], held, asked, agent, bounce };
}

/**
 * The user: waits until the held message is on hold, and asks for its release until an owner answers. Owners die, NATS is lost meanwhile.
 * Resolves with the number of attempts that were made before.
 */
export async function releaseWhenHeld(platform: TestPlatform, mail: Mail): Promise<number> {
  const isHeld = async () => (await readDefer(platform, mail.held))?.state === 'held';
  try {
    // While NATS is away, or has no streams, nobody can say.
    await until(() => isHeld().catch(() => false), patienceMs);
  } catch {
    throw new Error(`the message was never on hold\n${await describeSituation(platform, mail)}`);
  }
  // On hold is where an attempt would have been made at once.
  await sleep(500);
  const attempts = attemptsOf(mail, mail.held, 'quiet@x.test');
  await askForRelease(platform, mail);
  return attempts;
}

/** For whoever has to find out why a test waited in vain: the held message, the streams and what the owners said last. */
async function describeSituation({ bus, ...platform }: TestPlatform, { held }: Mail): Promise<string> {
  const streams = [bus.names.activeStream(0), bus.names.deferStream(0)].map(async (name) => {
    const { state } = await bus.manager.streams.info(name);
    return `${name}: ${state.messages} messages, ${state.first_seq} to ${state.last_seq}`;
  });
  const consumer = bus.manager.consumers.info(bus.names.activeStream(0), queueManagerConsumer);
  const facts = await Promise.allSettled([
    ...streams,
    consumer.then((each) => JSON.stringify({ ...each, config: undefined })),
    readDefer({ bus, ...platform }, held).then((each) => `DEFER: ${JSON.stringify(each)}`),
    readJournal({ bus, ...platform }, held.queueId).then((each) => `journal: ${JSON.stringify(each)}`),
  ]);
  const owners = platform.managers.flatMap(({ pid, events }) => [
    `queue-manager ${pid}`,
    ...events.slice(-20).map((each) => JSON.stringify(each)),
  ]);
  return [
    ...facts.map((each) => (each.status === 'fulfilled' ? each.value : String(each.reason))),
    ...owners,
  ].join('\n');
}

/** Resolves when nothing is left in NATS. */
export async function drain(platform: TestPlatform, mail: Mail): Promise<void> {
  await until(async () => {
    if (await isDrained(platform)) return true;
    // A release that died between its two writes was not confirmed: the user asks again.
    await askForRelease(platform, mail);
    return false;
  }, patienceMs);
}

async function askForRelease(platform: TestPlatform, { held }: Mail): Promise<void> {
  const { bus } = platform;
  const request: ControlRequest = { operation: 'release', queueId: held.queueId };
  await until(async () => {
    const answer = await ask(bus, bus.names.controlSubject(0), encodeRecord(request), 1000);
    return answer instanceof Uint8Array;
  }, patienceMs);
}

/**
 * What recovery does after NATS lost everything: the jobs whose recipients the journal, or a DSN in the spool, does not call finished, with the
 * next attempt; on hold what is on hold by the journal.
 */
export async function recover(platform: TestPlatform, mail: Mail): Promise<void> {
  const journal = await readJournal(platform);
  const bounced = mail.bounce.tasks.filter(({ task }) => task === 'failure');
  const jobs = mail.jobs.flatMap((job) => {
    const own = journal.filter(({ queueId }) => queueId === job.queueId);
    const told = bounced.filter((task) => task.job.queueId === job.queueId);
    const recipients = job.recipients.filter(
      ({ final }) =>
        !own.some((entry) => entry.final === final && isTerminal(entry.kind)) &&
        !told.some(({ pending }) => pending.some(({ recipient }) => recipient.final === final)),
    );
    const isReleased = own.some(({ kind }) => kind === 'released');
    const open = recipients.map((each) => (isReleased ? { ...each, isHeld: false } : each));
    if (open.length === 0) return [];
    // The same recipients are the same job.
    const jobId = open.length === job.recipients.length ? job.jobId : makeJob({ recipients: open }).jobId;
    return [{ ...job, jobId, recipients: open, attempt: 1, incomingSequence: 2 * 2 ** 40 }];
  });
  await enqueue(platform, ...jobs);
}

/** How often an agent tried to deliver to a recipient of a message. */
function attemptsOf(mail: Mail, { queueId }: DeliveryJob, final: string): number {
  return mail.agent.tasks.filter(
    ({ job, pending }) =>
      job.queueId === queueId && pending.some(({ recipient }) => recipient.final === final),
  ).length;
}

/** What must hold in the end. `isWiped`: what only NATS knew was lost, that is, who was being bounced and which successes are to be told. */
export async function expectKept(
  expect: ExpectStatic,
  platform: TestPlatform,
  mail: Mail,
  { isWiped = false }: { readonly isWiped?: boolean } = {},
): Promise<void> {
  const terminal = (await readJournal(platform)).filter((entry) => isTerminal(entry.kind));
  const all = mail.jobs.flatMap((job) => job.recipients.map(({ final }) => ({ job, final })));
  const expected = all.map(
    ({ job, final }) => `${job.queueId} ${final} ${final.startsWith('bad') ? 'bounced' : 'delivered'}`,
  );
  const found = terminal.map((entry) => `${entry.queueId} ${entry.final} ${entry.kind}`);
  expect([...new Set(found)].sort()).toEqual([...expected].sort());
  const attempts = (isMet: (final: string) => boolean) =>
    all
      .filter(({ final }) => isMet(final))
      .map(({ job, final }) => `${final} ${attemptsOf(mail, job, final)}`);
  const isBad = (final: string) => final.startsWith('bad');
  const isSlow = (final: string) => final.startsWith('slow');
  expect(attempts((final) => !isBad(final) && !isSlow(final))).toEqual(
    all.filter(({ final }) => !isBad(final) && !isSlow(final)).map(({ final }) => `${final} 1`),
  );
  expect(attempts(isSlow)).toEqual(all.filter(({ final }) => isSlow(final)).map(({ final }) => `${final} 2`));
  if (!isWiped)
    expect(attempts(isBad)).toEqual(all.filter(({ final }) => isBad(final)).map(({ final }) => `${final} 1`));
  expect(reports(mail, 'failure')).toHaveLength(2);
  const successes = reports(mail, 'success');
  const asked = mail.asked.map(({ queueId }) => queueId).sort();
  if (isWiped) expect(asked).toEqual(expect.arrayContaining(successes));
  else expect(successes).toEqual(asked);
}

/** Messages that reports were asked for, one for each report. Asked for again it is the same: bounce makes its id of these two. */
function reports(mail: Mail, kind: 'failure' | 'success'): string[] {
  const told = mail.bounce.tasks.filter(({ task }) => task === kind);
  const names = new Map(
    told.map(({ job, report }) => [`${job.jobId} ${report?.decidedAtMs}`, job.queueId] as const),
  );
  return [...names.values()].sort();
}
