import { formatQueueId } from '@railpost/mail';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { QueueIdTable } from './queue-id-table.ts';

const queueId = fc
  .tuple(fc.integer({ min: 0, max: 2 ** 45 }), fc.integer({ min: 0, max: 2 ** 45 }))
  .map(([time, unique]) => formatQueueId(time, unique));
const anyId = fc.oneof(queueId, fc.constant('0'.repeat(16)), fc.string({ maxLength: 20 }));

it('remembers the bits of every id, as a map would', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(anyId, fc.integer({ min: 1, max: 2 ** 30 })), { maxLength: 300 }),
      (adds) => {
        const table = new QueueIdTable();
        const map = new Map<string, number>();
        for (const [id, bits] of adds) {
          expect(table.or(id, bits)).toBe(map.get(id) ?? 0);
          map.set(id, ((map.get(id) ?? 0) | bits) >>> 0);
        }

        expect(table.size).toBe(map.size);
        for (const [id, bits] of map) expect(table.get(id)).toBe(bits);
      },
    ),
  );
});

it('grows to many neighbours, and knows none that were not added', () => {
  const table = new QueueIdTable();
  const count = 50_000;
  for (let each = 0; each < count; each += 1) table.or(formatQueueId(1_790_000_000_000 + each, each % 7), 1);

  expect(table.size).toBe(count);
  for (let each = 0; each < count; each += 997)
    expect(table.get(formatQueueId(1_790_000_000_000 + each, each % 7))).toBe(1);
  expect(table.get(formatQueueId(1_790_000_000_000, 8))).toBe(0);
});
