/** Jobs that follow each other over one session, each sent behind the dot of the one before. */
import {
  type NatsServer,
  type SinkAnswer,
  type SinkStep,
  type SmtpSink,
  startNatsServer,
  startSmtpSink,
} from '@railpost/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Platform, hostHop, jobFor, preparePlatform } from './platform.ts';

let server: NatsServer;
let platform: Platform;
let sink: SmtpSink | undefined;

beforeAll(async () => {
  server = await startNatsServer();
  platform = await preparePlatform(server);
  await platform.configure();
  await platform.start();
});
afterAll(async () => {
  await platform.close();
  await server.stop();
});
afterEach(() => sink?.stop());

/** Sends messages numbered from 0 as one batch of width 1; their outcomes in order. */
async function deliverBatch(count: number, script: (step: SinkStep) => SinkAnswer) {
  const far = await startSmtpSink({ script });
  sink = far;
  const jobs = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const body = await platform.spool(Buffer.from(`Subject: ${index}\r\n\r\nbody ${index}\r\n`));
      return jobFor(body, hostHop(far.port), { finals: [`r${index}@partner.test`] });
    }),
  );
  const reply = await platform.owner.dispatchBatch('smtp', jobs, 1);
  expect(reply.accepted).toHaveLength(count);
  const outcomes = await Promise.all(jobs.map(({ job }) => platform.owner.outcomeOf(job.jobId, 50_000)));
  return { far, outcomes };
}

describe('jobs that follow each other', () => {
  it('share one session, and each message goes to its own recipient', async () => {
    const { far, outcomes } = await deliverBatch(12, () => undefined);

    expect(far.sessions).toBe(1);
    expect(outcomes.map((each) => each.recipients[0]?.disposition)).toEqual(
      Array.from({ length: 12 }, () => 'delivered'),
    );
    expect(far.messages.map((each) => [each.recipients[0], each.content.toString()])).toEqual(
      Array.from({ length: 12 }, (_, index) => [
        `r${index}@partner.test`,
        `Subject: ${index}\r\n\r\nbody ${index}\r\n`,
      ]),
    );
  });

  it('do not share what the server says to one of them', async () => {
    let recipient = '';
    const { far, outcomes } = await deliverBatch(6, ({ verb, line }) => {
      if (verb === 'RCPT') recipient = line;
      if (verb === 'RCPT' && line.includes('r2@')) return '550 5.1.1 nobody';
      return verb === 'DOT' && recipient.includes('r4@') ? '452 4.3.1 full' : undefined;
    });

    expect(outcomes.map((each) => each.recipients[0]?.status.code)).toEqual([
      '2.0.0',
      '2.0.0',
      '5.1.1',
      '2.0.0',
      '4.3.1',
      '2.0.0',
    ]);
    expect(far.messages).toHaveLength(4);
  });

  it('go on over another session when the server hangs up after one, and nothing is sent twice', async () => {
    const { far, outcomes } = await deliverBatch(9, ({ verb, transaction }) =>
      verb === 'DOT' && transaction === 3 ? { reply: '250 2.0.0 enough', hangUp: true } : undefined,
    );

    expect(outcomes.every((each) => each.recipients[0]?.disposition === 'delivered')).toBe(true);
    expect(far.messages.map((each) => each.recipients[0])).toEqual(
      Array.from({ length: 9 }, (_, index) => `r${index}@partner.test`),
    );
    expect(far.sessions).toBe(3);
  });
});
