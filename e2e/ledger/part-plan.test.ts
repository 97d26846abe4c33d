/** The plan of a run: the same for the same seed, complete, and on the layouts that the faults need. */
import { describe, expect, it } from 'vitest';
import { UsageError, parseOptions } from './options.ts';
import { type PartPlan, planParts } from './part-plan.ts';

const shape = {
  seed: 'a',
  messages: 10_000,
  kills: 100,
  faults: ['kill', 'kill-nats', 'kill-all', 's3-500'],
  messagesPerPart: 1000,
};

const strikesOf = (parts: readonly PartPlan[]) => parts.flatMap(({ strikes }) => strikes);

describe('a plan', () => {
  it('is the same for the same seed and another for another', () => {
    expect(planParts(shape)).toEqual(planParts(shape));
    expect(strikesOf(planParts({ ...shape, seed: 'b' }))).not.toEqual(strikesOf(planParts(shape)));
  });

  it('sends all messages and strikes as often as asked', () => {
    const parts = planParts(shape);

    expect(parts.map(({ messages }) => messages).reduce((a, b) => a + b, 0)).toBe(10_000);
    expect(strikesOf(parts)).toHaveLength(100);
  });

  it('gives each layout parts in proportion to its faults, and at least one', () => {
    const layouts = planParts(shape).map(({ layout }) => layout);

    expect(layouts.filter((each) => each === 'plain').length).toBeGreaterThan(5);
    expect(layouts).toContain('s3');
    expect(planParts({ ...shape, messages: 10 }).map(({ layout }) => layout)).toEqual(['plain', 's3']);
  });

  it('lets each fault of a part strike once before any strikes again', () => {
    const [first] = planParts({ ...shape, faults: ['kill', 'kill-nats', 'kill-all'], kills: 30 });
    const names = first?.strikes.slice(0, 3).map(({ fault }) => fault) ?? [];

    expect(names.toSorted()).toEqual(['kill', 'kill-all', 'kill-nats']);
  });
});

describe('the command line', () => {
  it('takes names with weights', () => {
    expect(parseOptions(['--faults', 'kill*2,config'], 0)?.faults).toEqual(['kill', 'kill', 'config']);
  });

  it.each([
    ['--faults', 'earthquake'],
    ['--faults', 'kill*0'],
    ['--faults', ','],
    ['--messages', 'many'],
    ['--seed', 'a b'],
    ['--nonsense'],
  ])('refuses %s %s', (...args) => {
    expect(() => parseOptions(args, 0)).toThrow(UsageError);
  });
});
