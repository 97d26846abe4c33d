/**
 * `railpost explain ADDRESS [--from SENDER]`, or `--list FILE` for many at once: what would happen to a recipient, by the very resolver that the pipeline uses: the
 * answer to RCPT, every replacement, every next hop, and the rule behind each. By the configuration that the running platform
 * has in force, or, with `-f`, by manifests that need not be applied.
 * Exit code 0: explained; 1: the manifests have errors or no platform runs; 2: wrong arguments.
 */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import {
  type ConfigSnapshot,
  createSnapshot,
  explain,
  formatExplanation,
  rootUnitKey,
} from '@railpost/config';
import { parsePath } from '@railpost/mail';
import { SettingsError, type SettingsOf, formatHelp, readPublishedUnits, setting } from '@railpost/runtime';
import { asksForHelp, parseArguments } from '../arguments.ts';
import type { CommandOutput } from '../command-output.ts';
import { Complaint } from '../complaint.ts';
import { formatProblem } from '../folder/format-problem.ts';
import { compileOffline } from '../folder/offline.ts';
import { PlatformSettings, withPlatform } from '../platform/open-platform.ts';

const usage = [
  'Usage: railpost explain ADDRESS [--from SENDER] [-f PATH...] [--json] [settings]',
  '       railpost explain --list FILE [--from SENDER] [-f PATH...] [--json] [settings]',
  '',
  'Says what happens to mail for ADDRESS, and by which rule. With --list and --json: one JSON object a line.',
].join('\n');

const ExplainSettings = {
  from: setting.optionalText({
    text: 'Reverse-path; sender routes depend on it. Default: the null reverse-path.',
  }),
  list: setting.optionalText({
    text: 'File of addresses to explain (- = standard input), one a line; behind a tab or space its reverse-path, if not that of --from.',
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
    const [questions, ...more] = await gatherQuestions(settings, positionals);
    // As `railpost up` takes them: -f DIR -f DIR; -f DIR DIR is understood too.
    const paths = [...settings.file, ...more];
    const snapshot = paths.length > 0 ? await snapshotOfManifests(paths) : await snapshotInForce(settings);
    // One object a line can be read as it comes; a single one is for people.
    const indent = settings.list === undefined ? 2 : undefined;
    for (const { recipient, sender } of questions) {
      const explanation = explain(snapshot, recipient, sender);
      out.result(
        settings.json
          ? `${JSON.stringify(explanation, undefined, indent)}\n`
          : formatExplanation(explanation),
      );
    }
    return 0;
  } catch (error) {
    if (!(error instanceof SettingsError || error instanceof Complaint)) throw error;
    out.complaint(`railpost explain: ${error.message}\n`);
    return error instanceof SettingsError ? 2 : 1;
  }
}

interface Question {
  readonly recipient: string;
  readonly sender: string;
}

/** What to explain, and the positional arguments that are no address. */
async function gatherQuestions(
  { list, from = '' }: SettingsOf<typeof ExplainSettings>,
  positionals: readonly string[],
): Promise<[questions: readonly Question[], ...rest: string[]]> {
  if (list !== undefined) return [parseQuestions(await readList(list), from), ...positionals];
  const [address, ...rest] = positionals;
  if (address === undefined)
    throw new SettingsError('arguments', 'name an address to explain, or --list FILE');
  return [[{ recipient: addressOf(address), sender: addressOf(from) }], ...rest];
}

async function readList(path: string): Promise<string> {
  if (path === '-') return text(process.stdin);
  return readFile(path, 'utf8').catch((error: unknown) => {
    throw new Complaint(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
  });
}

/** A tab separates where there is one: quoted local-parts may hold spaces. */
function parseQuestions(list: string, from: string): Question[] {
  const lines = list.split(/\r?\n/).filter((line) => line.trim() !== '');
  return lines.map((line) => {
    const [recipient = '', sender = from] = line.trim().split(line.includes('\t') ? '\t' : / +/);
    return { recipient: addressOf(recipient), sender: addressOf(sender) };
  });
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

/** As the dialogue reads it: quotes that are not needed go, and so do angle brackets. */
function addressOf(given: string): string {
  const path = parsePath(given === '' ? '<>' : given);
  if (path === undefined) throw new SettingsError('arguments', `${JSON.stringify(given)} is no address`);
  return path.address;
}
