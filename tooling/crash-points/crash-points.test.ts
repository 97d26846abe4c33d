/** The table of crash points: read from the document, matched with tests, and never good when something is missing. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { judgeRows, unknownNames } from './outcomes.ts';
import { formatSums, formatTable, problemsOf } from './print.ts';
import { readRows, rowName } from './table.ts';

const document = `# Rules

## Crash points

Words.

| fault | what |
|---|---|
| \`kill\` | dies |
| \`stop\` | stands still |

### cleanup
| point | where | faults |
|---|---|---|
| \`taken\` | in hand | \`kill\` \`stop+\` |

### worker
| point | where | faults |
|---|---|---|
| \`250-read\` | 250 is read | \`kill\` |
`;
const rows = readRows(document);
const passed = (fullName: string) => ({ fullName, status: 'passed' });
const short = { isAll: false, isFiltered: false };

it('has one row for each fault at each point', () => {
  expect(rows.map((row) => [rowName(row), row.isLong])).toEqual([
    ['cleanup.taken kill', false],
    ['cleanup.taken stop', true],
    ['worker.250-read kill', false],
  ]);
});

it.each([
  ['without the section', document.replace('## Crash points', '## Others'), /no section/],
  ['with a fault that is not explained', document.replace('`stop+`', '`burn`'), /"burn" is no fault/],
  ['with a part without rows', document.replace(/\| `250-read`.*\n/, ''), /part worker has no rows/],
  ['with a cell that is no name', document.replace('`250-read`', '250 read'), /is not a `name`/],
  ['with a row twice', document.replace('`kill` `stop+`', '`kill` `kill`'), /row cleanup.taken kill twice/],
])('refuses a document %s', (_, text, problem) => {
  expect(() => readRows(text)).toThrow(problem);
});

describe('a row', () => {
  const tests = [passed('killed [cleanup.taken kill] it is well'), passed('other')];

  it('is held by the tests that carry its name', () => {
    expect(judgeRows(rows, tests, short).map(({ result }) => result)).toEqual(['held', 'later', 'MISSING']);
  });

  it('is missing without one, also when it takes long and all were asked for', () => {
    const all = judgeRows(rows, tests, { isAll: true, isFiltered: false });
    const filtered = judgeRows(rows, tests, { isAll: true, isFiltered: true });

    expect(all.map(({ result }) => result)).toEqual(['held', 'MISSING', 'MISSING']);
    expect(filtered.map(({ result }) => result)).toEqual(['held', 'left out', 'left out']);
  });

  it.each(['failed', 'pending', 'todo'])('is failed by one test that is %s', (status) => {
    const mixed = [...tests, { fullName: '[cleanup.taken kill] again', status }];

    expect(judgeRows(rows, mixed, short)[0]?.result).toBe('FAILED');
  });
});

it('says what is wrong, and knows the names that it does not have', () => {
  const tests = [
    { fullName: '[cleanup.taken kill]', status: 'failed' },
    passed('[cleanup.gone kill] is no row'),
    passed('a message [x] of [a.b c d] is none either'),
  ];
  const outcomes = judgeRows(rows, tests, short);

  expect(problemsOf(outcomes, unknownNames(rows, tests))).toEqual([
    '[cleanup.taken kill] failed: in hand',
    '[worker.250-read kill] has no test: 250 is read',
    'a test names [cleanup.gone kill], which docs/durability.md does not have',
  ]);
  expect(formatTable(outcomes)).toBe(
    'cleanup.taken    kill FAILED, stop --all\nworker.250-read  kill MISSING',
  );
  expect(formatSums(outcomes)).toBe('3 rows: 1 FAILED, 1 --all, 1 MISSING');
});

it('can read the document of this repository', () => {
  const own = readRows(readFileSync(new URL('../../docs/durability.md', import.meta.url), 'utf8'));

  expect(new Set(own.map(({ part }) => part))).toEqual(
    new Set(['ingress', 'cleanup', 'takeover', 'owner', 'worker', 'mailbox', 'bounce', 'keeper', 'recovery']),
  );
  expect(own.length).toBeGreaterThan(100);
});
