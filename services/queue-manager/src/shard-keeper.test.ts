import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
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
