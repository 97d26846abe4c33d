/**
 * `railpost status`: processes, shards and their owners, the configuration each process has applied, Ready per object,
 * what is wrong. Exit code 0: nothing is wrong; 1: something is, or the platform cannot be asked; 2: wrong arguments.
 */
import { SettingsError, formatHelp, readEnvironment, setting } from '@railpost/runtime';
import { asksForHelp, parseArguments } from '../arguments.ts';
import type { CommandOutput } from '../command-output.ts';
import { Complaint } from '../complaint.ts';
import { BusSilentComplaint, PlatformSettings, withPlatform } from '../platform/open-platform.ts';
import { formatStatus } from './format-status.ts';
import { gatherStatus } from './gather-status.ts';
import { formatSilentStatus, gatherSilentStatus } from './silent-bus.ts';

const usage =
  'Usage: railpost status [--json] [settings]\n\nSays what runs, what is in force and what is wrong.';

const StatusSettings = {
  ...PlatformSettings,
  json: setting.toggle({ text: 'Print JSON.' }),
} as const;

/** Runs the command. */
export async function statusCommand(args: readonly string[], out: CommandOutput): Promise<number> {
  if (asksForHelp(args)) {
    out.result(formatHelp(usage, StatusSettings));
    return 0;
  }
  try {
    const { settings, positionals } = parseArguments(args, {
      shape: StatusSettings,
      environment: readEnvironment(),
    });
    if (positionals.length > 0) throw new SettingsError('arguments', `unexpected ${positionals.join(' ')}`);
    const status = await withPlatform(settings, gatherStatus);
    out.result(settings.json ? `${JSON.stringify(status, undefined, 2)}\n` : formatStatus(status));
    return status.problems.length === 0 ? 0 : 1;
  } catch (error) {
    if (error instanceof BusSilentComplaint && error.run !== undefined)
      return sayWithoutBus(error, args, out);
    if (!(error instanceof SettingsError || error instanceof Complaint)) throw error;
    out.complaint(`railpost status: ${error.message}\n`);
    return error instanceof SettingsError ? 2 : 1;
  }
}

async function sayWithoutBus(
  complaint: BusSilentComplaint,
  args: readonly string[],
  out: CommandOutput,
): Promise<number> {
  const status = await gatherSilentStatus(complaint);
  const isJson = args.includes('--json');
  out.result(isJson ? `${JSON.stringify(status, undefined, 2)}\n` : formatSilentStatus(status));
  return 1;
}
