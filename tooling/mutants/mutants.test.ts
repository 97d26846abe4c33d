/** A mutant is seen only by the failure that it must cause. */
import { expect, it } from 'vitest';
import { mutants } from '../../packages/runtime/src/mutant.ts';
import { whyNotSeen } from './judge.ts';
import { mutantCases } from './table.ts';

const one = { mutant: 'm', file: 'f', row: 'cleanup.taken kill', says: /expected 0 to be 3/ };
const fullName = 'crash points [cleanup.taken kill] at cleanup.taken';

it('is seen when its row fails by what it breaks', () => {
  const tests = [
    { fullName, status: 'passed' },
    { fullName, status: 'failed', failureMessages: ['AssertionError: expected 0 to be 3 // Object.is'] },
  ];

  expect(whyNotSeen(one, tests)).toBeUndefined();
});

it.each([
  ['nothing ran', undefined, 'no test of row'],
  ['another row failed', [{ fullName: '[cleanup.acked kill]', status: 'failed' }], 'no test of row'],
  ['the row passed', [{ fullName, status: 'passed' }], 'm survives'],
  [
    'the service did not start',
    [{ fullName, status: 'failed', failureMessages: ['no event ready'] }],
    'but not by',
  ],
])('is not seen when %s', (_, tests, problem) => {
  expect(whyNotSeen(one, tests)).toContain(problem);
});

it('has a row for every mutant but the one that only a power loss shows', () => {
  expect([...mutantCases.map(({ mutant }) => mutant), 'spool-without-sync'].sort()).toEqual(
    Object.keys(mutants).sort(),
  );
});
