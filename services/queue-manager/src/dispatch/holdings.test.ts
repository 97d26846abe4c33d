import { beforeEach, describe, expect, it } from 'vitest';
import { AgentRoll } from './agent-roll.ts';
import { Holdings } from './holdings.ts';

describe('holdings of agents', () => {
  const limits = { silentMs: 20_000, committingMs: 620_000 };
  const beat = (phase: 'transfer' | 'committing') => ({
    version: 1 as const,
    worker: 'w',
    transport: 'smtp',
    freeSlots: 1,
    jobs: [{ jobId: 'j', queueId: 'q', destination: 'smtp:x', task: 'deliver' as const, phase }],
  });

  it.each([
    ['transfer', 19_999, true],
    ['transfer', 20_000, false],
    ['committing', 20_000, true],
    ['committing', 620_000, false],
  ] as const)('in phase %s after %i ms of silence: held %s', (phase, silenceMs, expected) => {
    const holdings = new Holdings(new AgentRoll());
    holdings.hear(beat(phase), 0, 0);

    expect(holdings.isHeld('j', silenceMs, limits)).toBe(expected);
  });

  describe('of an agent that says when it started', () => {
    const present = (startedAt: string) => [{ service: 'delivery-smtp', name: 'a', startedAt }];
    const born = '2026-11-21T10:00:00.000Z';
    let agents: AgentRoll;

    beforeEach(() => {
      agents = new AgentRoll();
    });

    function heldBy(startedAt: string): Holdings {
      const holdings = new Holdings(agents);
      const worker = 'delivery-smtp/a';
      holdings.accept('j', { worker, startedAt, task: 'deliver' }, 0);
      return holdings;
    }

    it('stay while it may have committed in the first seconds of its silence', () => {
      const holdings = heldBy(born);

      expect(holdings.isHeld('j', 619_999, limits)).toBe(true);
      expect(holdings.isHeld('j', 620_000, limits)).toBe(false);
    });

    it('are free as soon as its process was started anew', () => {
      const holdings = heldBy(born);
      agents.notePresence(present('2026-11-21T10:00:05.000Z'), 0);

      expect(holdings.isHeld('j', 1, limits)).toBe(false);
    });

    it('stay when presence still tells of itself, or of the process before it', () => {
      const holdings = heldBy(born);
      agents.notePresence(present(born), 0);
      expect(holdings.isHeld('j', 30_000, limits)).toBe(true);

      agents.notePresence(present('2026-11-21T09:00:00.000Z'), 0);
      expect(holdings.isHeld('j', 30_000, limits)).toBe(true);
    });

    it('are asked for when it missed its heartbeats', () => {
      const holdings = heldBy(born);

      expect(holdings.areSilent(9999, 10_000)).toBe(false);
      expect(holdings.areSilent(10_000, 10_000)).toBe(true);
    });
  });

  it('ignore a heartbeat that was sent before the agent heard that its outcome is settled', () => {
    const holdings = new Holdings(new AgentRoll());
    holdings.settle('j', 1000);

    expect(holdings.hear(beat('transfer'), 2000, 10_000)).toEqual([]);
    expect(holdings.hear(beat('transfer'), 12_000, 10_000)).toHaveLength(1);
  });
});
