import { Counter, Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { DestinationLabels } from './destination-label.ts';

function setUp() {
  const state = { nowMs: 0 };
  const counter = new Counter({
    name: 'deliveries',
    help: 'x',
    labelNames: ['destination', 'disposition'],
    registers: [new Registry()],
  });
  const labels = new DestinationLabels([counter], () => state.nowMs);
  return { state, counter, labels };
}

it('names the first twenty destinations and calls the rest other', () => {
  const { labels } = setUp();

  const given = Array.from({ length: 30 }, (_, index) => labels.label(`d${index}`));

  expect(given.slice(0, 20)).toEqual(Array.from({ length: 20 }, (_, index) => `d${index}`));
  expect(new Set(given.slice(20))).toEqual(new Set(['other']));
});

it('gives a destination that has grown its name after a minute and removes the series it replaces', async () => {
  const { state, counter, labels } = setUp();
  for (let index = 0; index < 20; index += 1)
    for (let count = 0; count < 1 + index; count += 1)
      counter.inc({ destination: labels.label(`d${index}`), disposition: 'delivered' });
  for (let count = 0; count < 100; count += 1) labels.label('big');
  expect(labels.label('big')).toBe('other');

  state.nowMs = 61_000;
  const label = labels.label('big');
  await new Promise((resolve) => setImmediate(resolve));

  expect(label).toBe('big');
  expect(labels.label('d0')).toBe('other');
  const named = (await counter.get()).values.map(({ labels: each }) => each['destination']);
  expect(named).not.toContain('d0');
  expect(named).toContain('d19');
});

it('counts a bounded number of candidates', () => {
  const { labels } = setUp();

  for (let index = 0; index < 5000; index += 1) labels.label(`spam${index}`);

  expect(labels.label('late')).toBe('other');
});
