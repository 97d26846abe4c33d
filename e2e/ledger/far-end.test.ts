/** Far end and sender speak to each other: what is taken is what was sent, and what is said is what happened. */
import { describe, expect, it } from 'vitest';
import { type Behaving, type Taken, startFarEnd } from './far-end.ts';
import { MessageMaker, isIntact, planMessage, readMark } from './message-plan.ts';
import { SmtpSender } from './smtp-sender.ts';
import { stuff, unstuff } from './smtp-text.ts';

async function exchange(
  behave: (moment: string) => Behaving,
): Promise<{ readonly kind: string; readonly taken: Taken[]; readonly isUsable: boolean }> {
  const taken: Taken[] = [];
  const farEnd = await startFarEnd({
    behave,
    onTaken: (each) => taken.push(each),
    onSession: () => undefined,
  });
  const sender = await SmtpSender.open(farEnd.port);
  const planned = planMessage('seed', 97);
  const content = new MessageMaker('run').make(planned, 1);
  const { kind } = await sender.offer({ ...planned, content });
  const { isUsable } = sender;
  sender.close();
  await farEnd.stop();
  return { kind, taken, isUsable };
}

describe('a message', () => {
  it('arrives octet by octet, with its mark', async () => {
    const { kind, taken } = await exchange(() => ({ kind: 'usual' }));

    const [message] = taken;
    const mark = message && readMark(message.content);
    expect(kind).toBe('accepted');
    expect(mark).toMatchObject({ run: 'run', number: 97, attempt: 1 });
    expect(message && mark && isIntact(message.content, mark)).toBe(true);
    expect(message?.recipients).toEqual(planMessage('seed', 97).recipients);
  });

  it.each([
    ['refused at RCPT', 'recipient', { kind: 'reply', text: '550 5.1.1 No' }, 'refused'],
    ['refused at the dot', 'dot', { kind: 'reply', text: '451 4.2.0 No' }, 'refused'],
    ['met by a dropped connection at RCPT', 'recipient', { kind: 'hang-up' }, 'unsent'],
    ['met by a dropped connection at the dot', 'dot', { kind: 'hang-up' }, 'unknown'],
  ] as const)('that is %s is not taken', async (_, where, behaving, expected) => {
    const { kind, taken } = await exchange((moment) => (moment === where ? behaving : { kind: 'usual' }));

    expect(kind).toBe(expected);
    expect(taken).toEqual([]);
  });

  it('is the same for the same seed and another for another', () => {
    expect(planMessage('a', 5)).toEqual(planMessage('a', 5));
    expect(planMessage('a', 5).bodyBytes === planMessage('b', 5).bodyBytes).toBe(false);
  });
});

it.each(['.\r\n', 'a\r\n.b\r\n..\r\n', '\r\n.\r\n.\r\n', 'no dots\r\n', ''])(
  'dots of %j come back',
  (text) => {
    expect(unstuff(stuff(Buffer.from(text))).toString()).toBe(text);
  },
);
