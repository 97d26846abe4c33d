/**
 * Reads vitest's JSON report: the counts of `npm test` come from what the runner wrote, not from what it printed.
 * A test that was skipped counts as failed, and so does a file that could not be loaded, and a run without tests.
 */
import { oneCheck, type StepResult } from './check.ts';

interface Report {
  readonly testResults: readonly FileReport[];
}

interface FileReport {
  readonly name: string;
  readonly status: string;
  readonly message?: string;
  readonly assertionResults: readonly AssertionReport[];
}

/** One test as vitest tells of it. */
export interface AssertionReport {
  readonly fullName: string;
  readonly status: string;
  readonly failureMessages?: readonly string[] | null;
}

/** Every test of a report; undefined when there is none, or it is cut off. */
export function testsOfReport(text: string | undefined): AssertionReport[] | undefined {
  const report = text === undefined ? undefined : parse(text);
  return report?.testResults.flatMap(({ assertionResults }) => [...assertionResults]);
}

/** Counts a report. `text` is undefined when the runner wrote none; `exitCode` and `output` are the runner's. */
export function countVitestReport(text: string | undefined, exitCode: number, output: string): StepResult {
  const report = text === undefined ? undefined : parse(text);
  if (report === undefined)
    return oneCheck(false, `the runner left no report (exit code ${exitCode})\n${output}`);
  const problems = report.testResults.flatMap((file) => problemsOf(file));
  const passed = report.testResults
    .flatMap((file) => file.assertionResults)
    .filter((each) => each.status === 'passed').length;
  if (passed + problems.length === 0) return oneCheck(false, `the runner found no test\n${output}`);
  // An error outside any test (an unhandled rejection) shows in the exit code alone.
  if (problems.length === 0 && exitCode !== 0)
    problems.push(`all tests passed, but the runner ended with exit code ${exitCode}\n${output}`);
  return { passed, failed: problems.length, detail: problems.join('\n\n') };
}

function problemsOf(file: FileReport): string[] {
  const unhappy = file.assertionResults.filter((each) => each.status !== 'passed');
  if (unhappy.length === 0 && (file.status !== 'passed' || file.assertionResults.length === 0))
    return [`${file.name}: ${file.message || 'no test ran'}`];
  return unhappy.map(
    (each) =>
      `${file.name} > ${each.fullName}: ${(each.failureMessages ?? [each.status]).join('\n') || each.status}`,
  );
}

function parse(text: string): Report | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isReport(value) ? value : undefined;
  } catch {
    // Cut off half way: the runner died while it wrote, which is as good as no report.
    return undefined;
  }
}

function isReport(value: unknown): value is Report {
  return (
    typeof value === 'object' && value !== null && 'testResults' in value && Array.isArray(value.testResults)
  );
}
