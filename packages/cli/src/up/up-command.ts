/**
 * `railpost up -f DIR...`: the whole platform on this machine, in the foreground. Exit code 0: stopped by a signal; 1: could
 * not start, and one line says why; 2: wrong arguments.
 */
import { SettingsError, formatHelp, readEnvironment } from '@railpost/runtime';
import { asksForHelp, parseArguments } from '../arguments.ts';
import type { CommandOutput } from '../command-output.ts';
import { Complaint } from '../complaint.ts';
import { Terminal } from './terminal.ts';
import { runPlatform } from './up.ts';
import { UpSettings } from './up-settings.ts';

const usage =
  'Usage: railpost up -f DIR... [--data DIR] [settings]\n\nRuns the platform from folders of manifests.';

/** Runs the command. */
export async function upCommand(args: readonly string[], out: CommandOutput): Promise<number> {
  if (asksForHelp(args)) {
    out.result(formatHelp(usage, UpSettings));
    return 0;
  }
  let settings: UpSettings;
  try {
    const parsed = parseArguments(args, {
      shape: UpSettings,
      shorts: { f: 'file' },
      environment: readEnvironment(),
    });
    // As kubectl takes them: -f DIR -f DIR; -f DIR DIR is understood too.
    const file = [...parsed.settings.file, ...parsed.positionals];
    settings = { ...parsed.settings, file };
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    out.complaint(`railpost up: ${error.message}\n`);
    return 2;
  }
  try {
    await runPlatform(settings, new Terminal(out, settings.verbose));
    return 0;
  } catch (error) {
    if (!(error instanceof Complaint)) throw error;
    out.complaint(`railpost up: ${error.message}\n`);
    return 1;
  }
}
