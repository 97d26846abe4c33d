import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type BufferAccount, BufferBudget } from './buffer-budget.ts';
import { SpoolUnavailableError } from './errors.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('buffer budget', () => {
  it('lets writers go on at once below the limit', () => {
    const budget = new BufferBudget(100);

    expect(budget.take({ heldBytes: 0 }, 60)).toBeUndefined();
    expect(budget.take({ heldBytes: 0 }, 40)).toBeUndefined();
    expect(budget.usedBytes).toBe(100);
  });

  it('lets one overdraw, makes others wait in line, and serves them in order', async () => {
    const budget = new BufferBudget(100);
    const [first, favoured, third, fourth] = accounts(4);
    void budget.take(first, 100);
    const order: string[] = [];

    expect(budget.take(favoured, 10)).toBeUndefined();
    expect(budget.take(favoured, 10)).toBeUndefined();
    const waits = [budget.take(third, 50), budget.take(fourth, 30)];
    void waits[0]?.then(() => order.push('third'));
    void waits[1]?.then(() => order.push('fourth'));
    budget.give(first, 100);
    await Promise.all(waits.map((wait) => wait ?? Promise.resolve()));

    expect(order).toEqual(['third', 'fourth']);
    expect(budget.usedBytes).toBe(100);
  });

  it('never stops for good: when all hold part of it and wait, one after the other gets through', async () => {
    const budget = new BufferBudget(100);
    const all = accounts(10);
    for (const each of all) void budget.take(each, 10);

    const finished = all.map(async (each) => {
      await budget.take(each, 10);
      await budget.take(each, 10);
      budget.close(each);
    });
    await Promise.all(finished);

    expect(budget.usedBytes).toBe(0);
  });

  it('asks those who hold most to move out before others have to wait for long', async () => {
    const budget = new BufferBudget(100);
    const asked: string[] = [];
    const holder = (name: string): BufferAccount => {
      const account = {
        heldBytes: 0,
        spill(): boolean {
          asked.push(name);
          queueMicrotask(() => budget.give(account, account.heldBytes));
          return true;
        },
      };
      return account;
    };
    void budget.take(holder('small'), 10);
    void budget.take(holder('large'), 60);
    void budget.take({ heldBytes: 0 }, 30);
    void budget.take({ heldBytes: 0 }, 1);

    await budget.take({ heldBytes: 0 }, 20);

    expect(new Set(asked)).toEqual(new Set(['large']));
    expect(budget.usedBytes).toBe(10 + 30 + 1 + 20);
  });

  it('refuses who has waited a minute', async () => {
    const budget = new BufferBudget(100);
    const [first, favoured, late] = accounts(3);
    void budget.take(first, 100);
    void budget.take(favoured, 1);

    const waiting = budget.take(late, 10);
    const refusal = waiting?.catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(60_000);

    expect(await refusal).toBeInstanceOf(SpoolUnavailableError);
    expect(budget.usedBytes).toBe(101);
  });

  it('gives everything back when an account is closed, and takes it out of the line', async () => {
    const budget = new BufferBudget(100);
    const [first, favoured, late] = accounts(3);
    void budget.take(first, 100);
    void budget.take(favoured, 1);
    const refusal = budget.take(late, 10)?.catch((error: unknown) => error);

    budget.close(late);
    budget.close(first);
    budget.close(favoured);

    expect(await refusal).toBeInstanceOf(SpoolUnavailableError);
    expect(budget.usedBytes).toBe(0);
  });
});

function accounts<Count extends number>(count: Count) {
  const all = Array.from({ length: count }, () => ({ heldBytes: 0 }));
  // Tests name the first few; the array is as long as asked for.
  return all as [
    { heldBytes: number },
    { heldBytes: number },
    { heldBytes: number },
    { heldBytes: number },
    ...{ heldBytes: number }[],
  ];
}
