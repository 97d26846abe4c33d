/**
 * `railpost explain ADDRESS [--from SENDER]`: what would happen to a recipient, by the very resolver that the pipeline uses: the
 * answer to RCPT, every replacement, every next hop, and the rule behind each. By the configuration that the running platform
 * has in force, or, with `-f`, by manifests that need not be applied.
 * Exit code 0: explained; 1: the manifests have errors or no platform runs; 2: wrong arguments.
 */
import {
  type ConfigSnapshot,
  createSnapshot,
  explain,
  formatExplanation,
  rootUnitKey,
} from '@railpost/config';
import { SettingsError, type SettingsOf, formatHelp, readPublishedUnits, setting } from '@railpost/runtime';
import { asksForHelp, parseArguments } from '../arguments.ts';
import type { CommandOutput } from '../command-output.ts';
import { Complaint } from '../complaint.ts';
import { formatProblem } from '../folder/format-problem.ts';
import { compileOffline } from '../folder/offline.ts';
import { PlatformSettings, withPlatform } from '../platform/open-platform.ts';

const usage =
  'Usage: railpost explain ADDRESS [--from SENDER] [-f PATH...] [--json] [settings]\n\nSays what happens to mail for ADDRESS, and by which rule.';

const ExplainSettings = {
  from: setting.optionalText({
    text: 'Reverse-path; sender routes depend on it. Default: the null reverse-path.',
  }),
  file: setting.list({
    text: 'Folders or files of manifests (short -f). None: what the running platform has in force.',
    default: '',
  }),
  json: setting.toggle({ text: 'Print JSON.' }),
  ...PlatformSettings,
} as const;

/** Runs the command. */
export async function explainCommand(args: readonly string[], out: CommandOutput): Promise<number> {
  if (asksForHelp(args)) {
    out.result(formatHelp(usage, ExplainSettings));
    return 0;
  }
  try {
    const { settings, positionals } = parseArguments(withNullReversePath(args), {
      shape: ExplainSettings,
      shorts: { f: 'file' },
    });
    const [address, ...more] = positionals;
    if (address === undefined) throw new SettingsError('arguments', 'name an address to explain');
    // As `railpost up` takes them: -f DIR -f DIR; -f DIR DIR is understood too.
    const paths = [...settings.file, ...more];
    const snapshot = paths.length > 0 ? await snapshotOfManifests(paths) : await snapshotInForce(settings);
    const explanation = explain(snapshot, withoutBrackets(address), withoutBrackets(settings.from ?? ''));
    out.result(
      settings.json ? `${JSON.stringify(explanation, undefined, 2)}\n` : formatExplanation(explanation),
    );
    return 0;
  } catch (error) {
    if (!(error instanceof SettingsError || error instanceof Complaint)) throw error;
    out.complaint(`railpost explain: ${error.message}\n`);
    return error instanceof SettingsError ? 2 : 1;
  }
}

async function snapshotOfManifests(paths: readonly string[]): Promise<ConfigSnapshot> {
  const { compilation, problems, hasErrors } = await compileOffline(paths);
  if (!hasErrors && compilation.root !== undefined) return createSnapshot(compilation.units);
  const errors = problems.filter((each) => each.severity === 'error').map(formatProblem);
  throw new Complaint(['the manifests have errors', ...errors].join('\n'));
}

function snapshotInForce(settings: SettingsOf<typeof ExplainSettings>): Promise<ConfigSnapshot> {
  return withPlatform(settings, async ({ bus }) => {
    const units = await readPublishedUnits(bus);
    if (!units.has(rootUnitKey)) throw new Complaint('the platform has no configuration yet');
    return createSnapshot(units);
  });
}

/** `--from ""` is what scripts write for the null reverse-path; settings have no empty values. */
function withNullReversePath(args: readonly string[]): string[] {
  return args.map((each, index) => {
    if (each === '--from=') return '--from=<>';
    return each === '' && args[index - 1] === '--from' ? '<>' : each;
  });
}

function withoutBrackets(address: string): string {
  return address.startsWith('<') && address.endsWith('>') ? address.slice(1, -1) : address;
}
