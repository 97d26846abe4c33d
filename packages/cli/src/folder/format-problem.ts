/**
 * A problem as one line: `file:line:column: error: object field: text (Reason)`. Editors and humans jump from it to the place.
 */
import { formatField } from '@railpost/config';
import type { LocatedProblem } from './load-folder.ts';

/** The line, without line end. */
export function formatProblem(problem: LocatedProblem): string {
  const place =
    problem.source === undefined ? '' : `${problem.source.path}:${problem.line}:${problem.column}: `;
  const subject = [problem.object, formatField(problem.path)].filter((each) => each !== '').join(' ');
  const text = subject === '' ? problem.text : `${subject}: ${problem.text}`;
  return `${place}${problem.severity}: ${text} (${problem.reason})`;
}

/** The same for machines. */
export function problemJson(problem: LocatedProblem): Readonly<Record<string, unknown>> {
  return {
    severity: problem.severity,
    file: problem.source?.path ?? '',
    line: problem.line,
    column: problem.column,
    object: problem.object,
    field: formatField(problem.path),
    reason: problem.reason,
    text: problem.text,
  };
}
