/**
 * `railpost recover`: puts messages that are in the spool but in no queue back, or says with --dry-run which they are. Asks the active
 * keeper of the spool; after a loss of NATS it is at work already, then this shows how far it is. Exit code 0: nothing is missing
 * any more (with --dry-run: nothing is missing); 1: something is, or nobody could be asked; 2: wrong arguments.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Bus, ask } from '@railpost/bus';
import { KeeperReply, type KeeperRequest, encodeRecord, parseRecord } from '@railpost/contracts';
import { SettingsError, formatHelp, readEnvironment, setting } from '@railpost/runtime';
import { asksForHelp, parseArguments } from '../arguments.ts';
import type { CommandOutput } from '../command-output.ts';
import { Complaint } from '../complaint.ts';
import { PlatformSettings, withPlatform } from '../platform/open-platform.ts';
import { formatProgress, formatRepair } from './format-recovery.ts';

const usage = `Usage: railpost recover [--dry-run] [--json] [settings]

Puts every message back that is in the spool, unfinished, and in no queue. After NATS has lost its data this happens by itself: then
the command shows how far it is and waits for the end. Nothing that is known to be delivered is sent again; what was held stays held.`;

const RecoverSettings = {
  ...PlatformSettings,
  dryRun: setting.toggle({ text: 'Only say what would be put back.' }),
  json: setting.toggle({ text: 'Print the end result as JSON.' }),
} as const;

const answerMs = 5000;
const lookMs = 500;
/** A keeper that died has a successor within its lease and the start of its process. */
const keeperAbsentMs = 30_000;

/** Runs the command. */
export async function recoverCommand(args: readonly string[], out: CommandOutput): Promise<number> {
  if (asksForHelp(args)) {
    out.result(formatHelp(usage, RecoverSettings));
    return 0;
  }
  try {
    const { settings, positionals } = parseArguments(args, {
      shape: RecoverSettings,
      environment: readEnvironment(),
    });
    if (positionals.length > 0) throw new SettingsError('arguments', `unexpected ${positionals.join(' ')}`);
    const reply = await withPlatform(settings, ({ bus }) => recover(bus, settings.dryRun, out));
    out.result(settings.json ? `${JSON.stringify(reply, undefined, 2)}\n` : formatRepair(reply));
    return isWhole(reply) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof SettingsError || error instanceof Complaint)) throw error;
    out.complaint(`railpost recover: ${error.message}\n`);
    return error instanceof SettingsError ? 2 : 1;
  }
}

/** Waits for a recovery that runs, then has the rest checked and put back. @throws Complaint */
async function recover(bus: Bus, isDryRun: boolean, out: CommandOutput): Promise<KeeperReply> {
  let told = '';
  const tell = (reply: KeeperReply) => {
    const line = formatProgress(reply);
    if (line !== told && line !== '') out.complaint(`${line}\n`);
    told = line;
  };
  let reply = await askKeeper(bus, { operation: 'status' });
  while (!reply.isRecovered && !isDryRun) {
    tell(reply);
    await sleep(lookMs);
    reply = await askKeeper(bus, { operation: 'status' });
  }
  if (!reply.isRecovered) return reply;
  reply = await askKeeper(bus, { operation: 'recover', isDryRun });
  while (isAtWork(reply)) {
    tell(reply);
    await sleep(lookMs);
    reply = await askKeeper(bus, { operation: 'status' });
  }
  return reply;
}

function isAtWork({ repair }: KeeperReply): boolean {
  return repair?.phase === 'checking' || repair?.phase === 'putting-back';
}

function isWhole({ isRecovered, repair }: KeeperReply): boolean {
  if (!isRecovered || repair?.phase !== 'done') return false;
  return repair.isDryRun ? repair.missing === 0 : repair.putBack >= repair.missing;
}

/** Asks until a keeper answers. @throws Complaint */
async function askKeeper(bus: Bus, request: KeeperRequest): Promise<KeeperReply> {
  const giveUpAt = performance.now() + keeperAbsentMs;
  for (;;) {
    const answer = await ask(bus, bus.names.keeperControlSubject, encodeRecord(request), answerMs);
    if (answer instanceof Uint8Array) return readReply(answer);
    if (performance.now() > giveUpAt)
      throw new Complaint(
        'no spool-keeper is active; it does the recovery: start one (railpost up does) and look into its log',
      );
    await sleep(lookMs);
  }
}

function readReply(answer: Uint8Array): KeeperReply {
  const reply = KeeperReply.safeParse(parseRecord(answer));
  if (!reply.success)
    throw new Complaint('the answer of the spool-keeper is not understood; is it of another version?');
  if (reply.data.error !== undefined) throw new Complaint(reply.data.error);
  return reply.data;
}
