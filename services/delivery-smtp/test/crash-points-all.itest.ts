/** delivery-smtp cut off from NATS for 25 s at each of its crash points: long enough for an owner to give its jobs to others (rule 9). */
import { setTimeout as sleep } from 'node:timers/promises';
import { resumeProcess, startNatsServer, startSmtpSink, untilDone, untilStopped } from '@railpost/testkit';
import { expect, it } from 'vitest';
import { hostHop, jobFor, preparePlatform } from './platform.ts';

const message = Buffer.from('Subject: hello\r\n\r\nbody\r\n');
const cutMs = 25_000;

it.concurrent.each([
  // The far end takes its time: when the dot would be due, NATS has been silent for too long.
  ['accepted', 'smtp.accepted', 0],
  // NATS answered a moment ago: the dot may be sent.
  ['before-dot', 'smtp.before-dot', 1],
  ['dot-sent', 'smtp.dot-sent', 1],
  ['250-read', 'smtp.250-read', 1],
  ['outcome-sent', undefined, 1],
] as const)(
  '[worker.%s cut] at %s: copies before another agent is asked: %i, and one in the end',
  async (_, point, copies) => {
    const server = await startNatsServer();
    const platform = await preparePlatform(server);
    const isSlow = copies === 0;
    const script = ({ verb }: { verb: string }) =>
      isSlow && verb === 'DATA' ? { delayMs: 12_000 } : undefined;
    const sink = await startSmtpSink({ script });
    try {
      await platform.configure();
      const job = jobFor(await platform.spool(message), hostHop(sink.port));
      const { owner } = platform;
      owner.isAcknowledging = false;
      const service = await platform.start(...(point === undefined ? [] : ['--stop-at', point]));
      await owner.dispatch('smtp', [job]).catch(() => undefined);
      if (point === undefined) await owner.outcomeOf(job.job.jobId);
      else await untilStopped(service.pid);
      server.pause();
      if (point !== undefined) resumeProcess(service.pid);
      await sleep(cutMs);
      server.resume();
      owner.isAcknowledging = true;
      const outcome = await owner.outcomeOf(job.job.jobId, 60_000);
      const before = sink.messages.length;
      if (outcome.recipients[0]?.disposition === 'deferred') {
        // Asked again while the agent has it in hand, it is run once.
        await untilDone(async () => {
          await owner.dispatch('smtp', [job]);
          if (sink.messages.length === 0) throw new Error('it is not delivered yet');
        });
      }

      expect(before).toBe(copies);
      expect(outcome.recipients).toMatchObject([{ disposition: copies === 0 ? 'deferred' : 'delivered' }]);
      expect(sink.messages).toHaveLength(1);
    } finally {
      await platform.close();
      await sink.stop();
      await server.stop();
    }
  },
  180_000,
);
