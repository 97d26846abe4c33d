import type { Heartbeat } from '@railpost/contracts';
import { beforeEach, describe, expect, it } from 'vitest';
import { AgentRoll } from './agent-roll.ts';

const born = '2026-11-21T10:00:00.000Z';
const bornLater = '2026-11-21T10:00:05.000Z';
const limitMs = 60_000;

let roll: AgentRoll;

beforeEach(() => {
  roll = new AgentRoll();
});

function beat(worker: string, more: Partial<Heartbeat> = {}): Heartbeat {
  return {
    version: 1,
    worker,
    startedAt: born,
    roll: '',
    transport: 'smtp',
    freeSlots: 1,
    jobs: [],
    ...more,
  };
}

function present(name: string, startedAt = born, transports: string[] | undefined = ['smtp']) {
  return { service: 'delivery-smtp', name, startedAt, ...(transports === undefined ? {} : { transports }) };
}

describe('an agent', () => {
  it('is waited for until it answers a call that was made later', () => {
    roll.notePresence([present('a')], 0);
    roll.noteCall('early', 5);
    roll.noteCall('late', 10);

    expect(roll.hear(beat('delivery-smtp/a', { roll: 'early' }), 11)).toBe(5);
    expect(roll.isAwaited(10, 12, limitMs)).toBe(true);
    expect(roll.hear(beat('delivery-smtp/a', { roll: 'late' }), 12)).toBe(10);
    expect(roll.isAwaited(10, 12, limitMs)).toBe(false);
  });

  it('that speaks without answering may have spoken before it took the job', () => {
    roll.hear(beat('delivery-smtp/a'), 11);

    expect(roll.isAwaited(10, 12, limitMs)).toBe(true);
    expect(roll.hear(beat('delivery-smtp/a', { roll: 'of another owner' }), 13)).toBeUndefined();
    expect(roll.isAwaited(10, 13, limitMs)).toBe(true);
  });

  it('is waited for no longer than a silent one may take', () => {
    roll.hear(beat('delivery-smtp/a'), 11);

    expect(roll.isAwaited(10, 11 + limitMs - 1, limitMs)).toBe(true);
    expect(roll.isAwaited(10, 11 + limitMs, limitMs)).toBe(false);
  });

  it('is not waited for when its process was started anew, and the new one answers', () => {
    roll.hear(beat('delivery-smtp/a'), 5);
    roll.notePresence([present('a', bornLater)], 11);
    roll.noteCall('call', 12);

    expect(roll.isDead('delivery-smtp/a', born)).toBe(true);
    roll.hear(beat('delivery-smtp/a', { startedAt: bornLater, roll: 'call' }), 13);
    expect(roll.isAwaited(10, 14, limitMs)).toBe(false);
  });

  it('is not called back to life by the last words of a process before', () => {
    roll.notePresence([present('a', bornLater)], 1);
    roll.noteCall('call', 2);
    roll.hear(beat('delivery-smtp/a', { roll: 'call' }), 3);

    expect(roll.isAwaited(2, 4, limitMs)).toBe(true);
  });

  it('is not waited for after its last word', () => {
    roll.hear(beat('delivery-smtp/a'), 5);
    roll.hear(beat('delivery-smtp/a', { isLeaving: true }), 6);

    expect(roll.isAwaited(10, 11, limitMs)).toBe(false);
  });

  it('of another transport is not waited for', () => {
    roll.notePresence([present('a', born, ['mailbox'])], 0);

    expect(roll.isAwaited(10, 11, limitMs, 'smtp')).toBe(false);
    expect(roll.isAwaited(10, 11, limitMs, 'mailbox')).toBe(true);
  });
});

it('does not wait for services that are no agents, nor for agents that answer no call', () => {
  roll.notePresence([{ service: 'cleanup', name: 'c', startedAt: born }], 0);
  const { roll: _, ...ofEarlierRelease } = beat('delivery-smtp/old');
  roll.hear(ofEarlierRelease, 5);

  expect(roll.size).toBe(0);
  expect(roll.isAwaited(10, 11, limitMs)).toBe(false);
});
