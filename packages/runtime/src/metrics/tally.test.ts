import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { Tally } from './tally.ts';

test('shows at each scrape all that was counted, by labels', async () => {
  const registry = new Registry();
  const replies = new Tally(registry, {
    name: 'replies_total',
    help: 'Replies.',
    labelNames: ['listener', 'class'],
  });

  replies.add(1, 'mx', '2xx');
  replies.add(2, 'mx', '2xx');
  replies.add(1, 'mx', '5xx');
  await registry.metrics();
  replies.add(4, 'mx', '5xx');

  const text = await registry.metrics();
  expect(text).toContain('replies_total{listener="mx",class="2xx"} 3\n');
  expect(text).toContain('replies_total{listener="mx",class="5xx"} 5\n');
});

test('goes down again as a level', async () => {
  const registry = new Registry();
  const sessions = new Tally(registry, { name: 's', help: 'S.', labelNames: ['listener'], kind: 'level' });

  sessions.add(1, 'mx');
  sessions.add(1, 'mx');
  await registry.metrics();
  sessions.add(-1, 'mx');

  expect(await registry.metrics()).toContain('s{listener="mx"} 1\n');
});

test('takes a single label', async () => {
  const registry = new Registry();
  const octets = new Tally(registry, { name: 'octets_total', help: 'Octets.', labelNames: ['listener'] });

  octets.add(5120, 'mx');

  expect(await registry.metrics()).toContain('octets_total{listener="mx"} 5120\n');
});
