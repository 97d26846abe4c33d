import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Holdings } from './dispatch/holdings.ts';
import { decideShards } from './shard-keeper.ts';

describe('shares of shards', () => {
  const settled = (shards: readonly number[]) => shards.map((shard) => ({ shard, isSettled: true }));
  const grown = { hasOwningPeer: false, isNewcomer: false };

  it.each([
    { existing: [0, 1, 2, 3], owned: [], live: 1, room: 4, surplus: undefined },
    { existing: [0, 1, 2, 3], owned: [0, 1, 2, 3], live: 2, room: 0, surplus: 3 },
    { existing: [0, 1, 2, 3], owned: [0, 1], live: 2, room: 0, surplus: undefined },
    { existing: [0, 1, 2], owned: [0], live: 2, room: 1, surplus: undefined },
    { existing: [], owned: [], live: 1, room: 0, surplus: undefined },
  ])('of $existing with $owned owned and $live alive: room $room, surplus $surplus', (given) => {
    const decision = decideShards({ ...grown, ...given, owned: settled(given.owned) });

    expect({ room: decision.room, surplus: decision.surplus }).toEqual({
      room: given.room,
      surplus: given.surplus,
    });
  });

  it('always suffice for all shards together', () => {
    fc.assert(
      fc.property(fc.nat(64), fc.integer({ min: 1, max: 10 }), (shards, live) => {
        const existing = Array.from({ length: shards }, (_, index) => index);
        const { room } = decideShards({ ...grown, existing, owned: [], live });

        expect(room * live).toBeGreaterThanOrEqual(shards);
      }),
    );
  });
});

describe('shards of the dead', () => {
  const facts = { existing: [0, 1, 2, 3], owned: [], live: 2 };

  it.each([
    { isNewcomer: false, hasOwningPeer: true, mayInherit: true },
    { isNewcomer: true, hasOwningPeer: true, mayInherit: false },
    { isNewcomer: true, hasOwningPeer: false, mayInherit: true },
  ])('newcomer $isNewcomer, peers that own $hasOwningPeer: may inherit $mayInherit', (given) => {
    expect(decideShards({ ...facts, ...given }).mayInherit).toBe(given.mayInherit);
  });

  it('are kept for a while although they are more than the share', () => {
    const owned = [0, 1, 2, 3].map((shard) => ({ shard, isSettled: shard < 2 }));

    const decision = decideShards({ ...facts, owned, isNewcomer: false, hasOwningPeer: false });

    expect(decision.surplus).toBeUndefined();
  });
});

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
    const holdings = new Holdings();
    holdings.hear(beat(phase), 0, 0);

    expect(holdings.isHeld('j', silenceMs, limits)).toBe(expected);
  });

  describe('of an agent that says when it started', () => {
    const present = (startedAt: string) => [{ service: 'delivery-smtp', name: 'a', startedAt }];
    const born = '2026-11-21T10:00:00.000Z';

    function heldBy(startedAt: string): Holdings {
      const holdings = new Holdings();
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
      holdings.notePresence(present('2026-11-21T10:00:05.000Z'));

      expect(holdings.isHeld('j', 1, limits)).toBe(false);
    });

    it('stay when presence still tells of itself, or of the process before it', () => {
      const holdings = heldBy(born);
      holdings.notePresence(present(born));
      expect(holdings.isHeld('j', 30_000, limits)).toBe(true);

      holdings.notePresence(present('2026-11-21T09:00:00.000Z'));
      expect(holdings.isHeld('j', 30_000, limits)).toBe(true);
    });

    it('name the service to ask for when it missed its heartbeats', () => {
      const holdings = heldBy(born);

      expect([...holdings.silentServices(9999, 10_000)]).toEqual([]);
      expect([...holdings.silentServices(10_000, 10_000)]).toEqual(['delivery-smtp']);
    });
  });

  it('ignore a heartbeat that was sent before the agent heard that its outcome is settled', () => {
    const holdings = new Holdings();
    holdings.settle('j', 1000);

    expect(holdings.hear(beat('transfer'), 2000, 10_000)).toEqual([]);
    expect(holdings.hear(beat('transfer'), 12_000, 10_000)).toHaveLength(1);
  });
});
