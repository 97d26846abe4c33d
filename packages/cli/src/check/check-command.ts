/**
 * `railpost check PATH...`: reads manifests and says what is wrong with them: file, line, field, reason. Touches nothing else.
 * Exit code 0: could be applied (warnings allowed); 1: has errors; 2: wrong arguments.
 */
import { parseArgs } from 'node:util';
import { createSnapshot } from '@railpost/config';
import type { CommandOutput } from '../command-output.ts';
import { formatProblem, problemJson } from '../folder/format-problem.ts';
import type { LocatedProblem } from '../folder/load-folder.ts';
import { type OfflineCompilation, compileOffline } from '../folder/offline.ts';
import { findDeadEnds } from './dead-ends.ts';

/** For `railpost check --help`. */
export const checkUsage = `Usage: railpost check [--json] PATH...

Checks the manifests in folders (or files): *.yaml, *.yml and *.json.
  --json   print findings as JSON
Exit code: 0 could be applied, 1 has errors, 2 wrong arguments.
`;

/** Runs the command. */
export async function checkCommand(args: readonly string[], out: CommandOutput): Promise<number> {
  const request = parseCheck(args);
  if (typeof request === 'string') {
    out.complaint(`railpost check: ${request}\n${checkUsage}`);
    return 2;
  }
  if (request.isHelp) {
    out.result(checkUsage);
    return 0;
  }
  const compiled = await compileOffline(request.paths);
  const problems = allProblems(compiled);
  out.result(request.isJson ? formatJson(compiled, problems) : formatText(compiled, problems));
  return problems.some((each) => each.severity === 'error') ? 1 : 0;
}

interface CheckRequest {
  readonly paths: readonly string[];
  readonly isJson: boolean;
  readonly isHelp: boolean;
}

function parseCheck(args: readonly string[]): CheckRequest | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { json: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
    });
    if (positionals.length === 0 && !values.help) return 'name a folder or file to check';
    return { paths: positionals, isJson: values.json, isHelp: values.help };
  } catch (error) {
    // parseArgs throws for options that it does not know; its text says which.
    return error instanceof Error ? error.message : String(error);
  }
}

function allProblems(compiled: OfflineCompilation): LocatedProblem[] {
  const { compilation, contents, problems } = compiled;
  const deadEnds =
    compilation.root === undefined || compiled.hasErrors
      ? []
      : findDeadEnds(contents.objects, createSnapshot(compilation.units)).map(contents.locate);
  const visible = [...problems, ...deadEnds].filter((each) => each.source?.path !== '');
  return visible.sort(byPlace);
}

function byPlace(left: LocatedProblem, right: LocatedProblem): number {
  const [one, other] = [left.source?.path ?? '', right.source?.path ?? ''];
  if (one !== other) return one < other ? -1 : 1;
  return left.line - right.line || left.column - right.column;
}

function formatText(compiled: OfflineCompilation, problems: readonly LocatedProblem[]): string {
  const lines = problems.map(formatProblem);
  if (compiled.hasStandIn) lines.push('note: no MailPlatform here; checked as if there were one named main');
  const errors = problems.filter((each) => each.severity === 'error').length;
  const { files, objects } = compiled.contents;
  const count = objects.filter((object) => object.source?.path !== '').length;
  lines.push(
    `${plural(files.length, 'file')}, ${plural(count, 'good object')}, ${plural(errors, 'error')}, ${plural(problems.length - errors, 'warning')}`,
  );
  return `${lines.join('\n')}\n`;
}

function formatJson(compiled: OfflineCompilation, problems: readonly LocatedProblem[]): string {
  const errors = problems.filter((each) => each.severity === 'error').length;
  const report = {
    ok: errors === 0,
    files: compiled.contents.files,
    errors,
    warnings: problems.length - errors,
    problems: problems.map(problemJson),
  };
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
