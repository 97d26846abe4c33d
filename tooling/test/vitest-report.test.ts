/** Counting a runner's report: what is not clearly good is a failure. */
import { describe, expect, it } from 'vitest';
import { countVitestReport } from './vitest-report.ts';

const passing = { fullName: 'adds', status: 'passed' };
const file = (assertionResults: readonly object[], status = 'passed') => ({
  name: 'a.test.ts',
  status,
  assertionResults,
});
const report = (...testResults: readonly object[]) => JSON.stringify({ testResults });

describe('a report', () => {
  it.each([
    [
      'of passed tests counts them',
      report(file([passing, passing]), file([passing])),
      0,
      { passed: 3, failed: 0 },
    ],
    [
      'with a failed test counts it',
      report(file([passing, { ...passing, status: 'failed' }])),
      1,
      { passed: 1, failed: 1 },
    ],
    [
      'with a skipped test counts it as failed',
      report(file([{ ...passing, status: 'pending' }])),
      0,
      { passed: 0, failed: 1 },
    ],
    [
      'with a file that did not load counts it',
      report(file([], 'failed'), file([passing])),
      1,
      { passed: 1, failed: 1 },
    ],
    ['with a file without tests counts it as failed', report(file([])), 0, { passed: 0, failed: 1 }],
    ['without any test is a failure', report(), 0, { passed: 0, failed: 1 }],
    ['that is missing is a failure', undefined, 0, { passed: 0, failed: 1 }],
    ['that is cut off is a failure', '{"testResults":[', 0, { passed: 0, failed: 1 }],
    ['that is something else is a failure', '[]', 0, { passed: 0, failed: 1 }],
    ['of a runner that failed otherwise is a failure', report(file([passing])), 1, { passed: 1, failed: 1 }],
  ])('%s', (_, text, exitCode, expected) => {
    expect(countVitestReport(text, exitCode, '')).toMatchObject(expected);
  });

  it('names the test that failed and why', () => {
    const failed = { ...passing, status: 'failed', failureMessages: ['expected 1 to be 2'] };

    expect(countVitestReport(report(file([failed])), 1, '').detail).toBe(
      'a.test.ts > adds: expected 1 to be 2',
    );
  });
});
