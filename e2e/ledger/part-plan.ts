/**
 * From the options to parts: which messages and which strikes on which layout. Pure: the same seed makes the same parts, so that a run
 * that was interrupted goes on where it was, and a part can be run by itself.
 */
import { faults } from './faults.ts';
import { Random } from './random.ts';
import type { LayoutName } from './surroundings.ts';

/** One strike of a fault. */
export interface PlannedStrike {
  readonly fault: string;
  /** Strikes when so many messages of the part have been settled with the client. */
  readonly afterMessages: number;
  /** And so many milliseconds later. */
  readonly pauseMs: number;
}

/** One part. */
export interface PartPlan {
  /** Counts from 1. */
  readonly part: number;
  readonly layout: LayoutName;
  readonly messages: number;
  readonly strikes: readonly PlannedStrike[];
}

/** What is planned from. */
export interface RunShape {
  readonly seed: string;
  readonly messages: number;
  /** Strikes in all, of whatever fault. */
  readonly kills: number;
  readonly faults: readonly string[];
  readonly messagesPerPart: number;
}

const longestPauseMs = 800;

/** Plans all parts. Each layout gets parts in proportion to its faults. @throws RangeError for a fault that there is not */
export function planParts(shape: RunShape): PartPlan[] {
  const layouts = new Map<LayoutName, string[]>();
  for (const name of shape.faults) {
    const fault = faults[name];
    if (fault === undefined) throw new RangeError(name);
    layouts.set(fault.layout, [...(layouts.get(fault.layout) ?? []), name]);
  }
  const count = Math.max(layouts.size, Math.ceil(shape.messages / shape.messagesPerPart));
  const order = orderOf(layouts, count);
  return order.map((layout, index) => {
    const part = index + 1;
    const messages = shareOf(shape.messages, count, index);
    const strikes = shareOf(shape.kills, count, index);
    const names = layouts.get(layout) ?? [];
    return { part, layout, messages, strikes: planStrikes(shape, { part, messages, strikes, names }) };
  });
}

/** Layouts in turn, the one that lags behind its share first. */
function orderOf(layouts: ReadonlyMap<LayoutName, readonly string[]>, count: number): LayoutName[] {
  const total = [...layouts.values()].reduce((sum, names) => sum + names.length, 0);
  const given = new Map<LayoutName, number>([...layouts.keys()].map((name) => [name, 0]));
  return Array.from({ length: count }, (_, index) => {
    const lag = (name: LayoutName, names: readonly string[]) =>
      (given.get(name) ?? 0) === 0 && index < layouts.size
        ? -1
        : (given.get(name) ?? 0) / (names.length / total);
    const [next] = [...layouts].toSorted(([a, left], [b, right]) => lag(a, left) - lag(b, right));
    if (next === undefined) throw new RangeError('no faults');
    given.set(next[0], (given.get(next[0]) ?? 0) + 1);
    return next[0];
  });
}

function shareOf(total: number, count: number, index: number): number {
  return Math.floor((total * (index + 1)) / count) - Math.floor((total * index) / count);
}

function planStrikes(
  { seed }: RunShape,
  part: {
    readonly part: number;
    readonly messages: number;
    readonly strikes: number;
    readonly names: readonly string[];
  },
): PlannedStrike[] {
  const random = new Random(`${seed}/part ${part.part}`);
  const times = Array.from({ length: part.strikes }, () => Math.floor(random.next() * part.messages * 0.95));
  let left: string[] = [];
  return times
    .toSorted((a, b) => a - b)
    .map((afterMessages) => {
      // Each fault once before any comes again, in an order of chance.
      if (left.length === 0) left = shuffle(part.names, random);
      return { fault: left.pop() ?? '', afterMessages, pauseMs: random.between(0, longestPauseMs) };
    });
}

function shuffle(names: readonly string[], random: Random): string[] {
  return names
    .map((name) => ({ name, at: random.next() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ name }) => name);
}
