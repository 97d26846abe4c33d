/**
 * `railpost check PATH...`: reads manifests and says what is wrong with them: file, line, field, reason. Touches nothing else.
 * Exit code 0: could be applied (warnings allowed); 1: has errors; 2: wrong arguments.
 */
import { createSnapshot } from '@railpost/config';
import { SettingsError, formatHelp, setting } from '@railpost/runtime';
import { asksForHelp, parseArguments } from '../arguments.ts';
import type { CommandOutput } from '../command-output.ts';
import { formatProblem, problemJson } from '../folder/format-problem.ts';
import type { LocatedProblem } from '../folder/load-folder.ts';
import { type OfflineCompilation, compileOffline } from '../folder/offline.ts';
import { findDeadEnds } from './dead-ends.ts';

const usage =
  'Usage: railpost check [--json] PATH...\n\nChecks the manifests in folders (or files): *.yaml, *.yml and *.json.';

const CheckSettings = { json: setting.toggle({ text: 'Print findings as JSON.' }) } as const;

/** Runs the command. */
export async function checkCommand(args: readonly string[], out: CommandOutput): Promise<number> {
  if (asksForHelp(args)) {
    out.result(formatHelp(usage, CheckSettings));
    return 0;
  }
  try {
    const { settings, positionals } = parseArguments(args, { shape: CheckSettings });
    if (positionals.length === 0) throw new SettingsError('arguments', 'name a folder or file to check');
    const compiled = await compileOffline(positionals);
    const problems = allProblems(compiled);
    out.result(settings.json ? formatJson(compiled, problems) : formatText(compiled, problems));
    return problems.some((each) => each.severity === 'error') ? 1 : 0;
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    out.complaint(`railpost check: ${error.message}\n`);
    return 2;
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
