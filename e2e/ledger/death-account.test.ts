/** What deaths cost, by cause and service. */
import { expect, it } from 'vitest';
import { accountDeaths, addAccounts, formatDeaths } from './death-account.ts';

const agent = { pid: 7, name: 'delivery-smtp-1', atMs: 0, cause: 'kill -9', isOrderly: false };
const owner = { ...agent, pid: 8, name: 'queue-manager-0' };

it('counts deaths without duplicates, too, and says when what was doubled had arrived', () => {
  const explanations = [-20, 5, 900, 4000].map((afterMs) => ({ death: agent, afterMs }));

  expect(accountDeaths([agent, owner], explanations)).toEqual([
    { cause: 'kill -9', service: 'delivery-smtp', deaths: 1, duplicates: 4, afterDeath: 1, lastSecond: 2 },
    { cause: 'kill -9', service: 'queue-manager', deaths: 1, duplicates: 0, afterDeath: 0, lastSecond: 0 },
  ]);
});

it('adds up what parts say', () => {
  const part = accountDeaths([agent], [{ death: agent, afterMs: 4000 }]);

  expect(
    formatDeaths(addAccounts([...part, ...part]))
      .split('\n')
      .at(-1),
  ).toBe('| kill -9 | delivery-smtp | 2 | 2 | 0 | 0 | 2 |');
});
