/**
 * `railpost queue list|show|flush|hold|release|requeue|delete`: works on the running platform, through the owners of its shards.
 * Exit code 0: done, or taking force when an attempt has ended (hold); 1: could not be done, or nothing was found; 2: wrong arguments.
 */
import { listShards } from '@railpost/bus';
import { type ControlReply, type ControlRequest, shardOf } from '@railpost/contracts';
import { queueIdPattern } from '@railpost/mail';
import { SettingsError, formatHelp, readEnvironment, setting } from '@railpost/runtime';
import { type ParsedArguments, asksForHelp, parseArguments } from '../arguments.ts';
import type { CommandOutput } from '../command-output.ts';
import { Complaint } from '../complaint.ts';
import {
  type Platform,
  PlatformSettings,
  askAllShards,
  askShard,
  withPlatform,
} from '../platform/open-platform.ts';
import { formatMailq } from './mailq.ts';
import { findCorrupt, recordIdPattern, removeCorrupt } from './corrupt-records.ts';
import { listEntries, queueNames } from './queue-entries.ts';
import { everything, requeue } from './requeue.ts';
import { formatMessage, gatherMessage } from './show-message.ts';

const usage = `Usage: railpost queue ACTION [ID...] [settings]

  list                 what is queued, as mailq shows it (--queue, --limit)
  show ID              envelope, jobs and header section of a message
  flush [ID...]        attempt now: everything, one destination (--destination), or these messages
  hold ID...           keep these messages, deliver nothing until they are released
  release ID...        deliver held messages again
  requeue ID...|ALL    put messages of the corrupt queue back: content from the spool, what is finished stays finished
  delete ID...         drop these messages; nobody is told

ID is a queue id, or the id of a record of the corrupt queue that names none.
`;

/** Settings of all actions. */
const QueueSettings = {
  ...PlatformSettings,
  queue: setting.list({
    text: `Queues to list: ${queueNames.join(', ')}; all by default.`,
    default: '',
  }),
  limit: setting.integer({
    text: 'Most entries to list.',
    default: '1000',
    min: 1,
    max: 1_000_000,
    unit: 'entries',
  }),
  destination: setting.optionalText({ text: 'flush: only this destination, for example smtp:partner.test.' }),
  json: setting.toggle({ text: 'Print JSON.' }),
} as const;

type Request = ParsedArguments<typeof QueueSettings>;

const actions: Readonly<
  Record<string, (platform: Platform, request: Request, out: CommandOutput) => Promise<number>>
> = {
  list,
  show,
  flush,
  hold: (platform, request, out) => change(platform, request, out, 'hold'),
  release: (platform, request, out) => change(platform, request, out, 'release'),
  requeue: putBack,
  delete: remove,
};

/** Runs the command. */
export async function queueCommand(args: readonly string[], out: CommandOutput): Promise<number> {
  if (asksForHelp(args)) {
    out.result(formatHelp(usage, QueueSettings));
    return 0;
  }
  const [name = '', ...rest] = args;
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (action === undefined) {
    out.complaint(
      `railpost queue: ${name === '' ? 'name an action' : `there is no action ${name}`}\n${usage}`,
    );
    return 2;
  }
  try {
    const request = parseArguments(rest, { shape: QueueSettings, environment: readEnvironment() });
    checkArguments(name, request);
    return await withPlatform(request.settings, (platform) => action(platform, request, out));
  } catch (error) {
    if (!(error instanceof SettingsError || error instanceof Complaint)) throw error;
    out.complaint(`railpost queue ${name}: ${error.message}\n`);
    return error instanceof SettingsError ? 2 : 1;
  }
}

function checkArguments(name: string, { settings, positionals }: Request): void {
  const mayBeRecord = name === 'show' || name === 'requeue' || name === 'delete';
  const isId = (id: string) =>
    queueIdPattern.test(id) ||
    (mayBeRecord && recordIdPattern.test(id)) ||
    (name === 'requeue' && id === everything);
  const wrong = positionals.find((id) => !isId(id));
  if (wrong !== undefined) throw new SettingsError('arguments', `"${wrong}" is not a queue id`);
  const counts: Readonly<Record<string, readonly [number, number]>> = {
    list: [0, 0],
    show: [1, 1],
    flush: [0, Number.POSITIVE_INFINITY],
  };
  const [least, most] = counts[name] ?? [1, Number.POSITIVE_INFINITY];
  if (positionals.length < least) throw new SettingsError('arguments', 'name a queue id');
  if (positionals.length > most) throw new SettingsError('arguments', 'too many queue ids');
  const unknown = settings.queue.find((each) => !isQueueName(each));
  if (unknown !== undefined)
    throw new SettingsError('--queue', `"${unknown}" is none of ${queueNames.join(', ')}`);
}

function isQueueName(name: string): name is (typeof queueNames)[number] {
  return queueNames.some((each) => each === name);
}

async function list(platform: Platform, { settings }: Request, out: CommandOutput): Promise<number> {
  const wanted = settings.queue.filter(isQueueName);
  const limit = settings.limit;
  const entries = await listEntries(platform.bus, wanted.length === 0 ? queueNames : wanted, limit + 1);
  const shown = entries.slice(0, limit);
  out.result(
    settings.json ? `${JSON.stringify(shown, undefined, 2)}\n` : formatMailq(shown, entries.length > limit),
  );
  return 0;
}

async function show(platform: Platform, request: Request, out: CommandOutput): Promise<number> {
  const [queueId = ''] = request.positionals;
  const message = await gatherMessage(platform.bus, platform.spool, queueId);
  out.result(request.settings.json ? `${JSON.stringify(message, undefined, 2)}\n` : formatMessage(message));
  return 0;
}

async function flush(platform: Platform, request: Request, out: CommandOutput): Promise<number> {
  const { destination } = request.settings;
  const ids: readonly (string | undefined)[] =
    request.positionals.length === 0 ? [undefined] : request.positionals;
  const replies: ControlReply[] = [];
  for (const queueId of ids)
    replies.push(
      ...(await askAllShards(platform.bus, {
        operation: 'flush',
        ...(queueId === undefined ? {} : { queueId }),
        ...(destination === undefined ? {} : { destination }),
      })),
    );
  return report(out, request, { operation: 'flush', replies });
}

async function change(
  platform: Platform,
  request: Request,
  out: CommandOutput,
  operation: 'hold' | 'release',
): Promise<number> {
  const replies: ControlReply[] = [];
  for (const queueId of request.positionals) {
    const asked: ControlRequest = { operation, queueId };
    replies.push(...(await askAllShards(platform.bus, asked)));
  }
  return report(out, request, { operation, replies });
}

/** Exit code 1 when something of it cannot be saved. */
async function putBack(platform: Platform, request: Request, out: CommandOutput): Promise<number> {
  const results = await requeue(platform, request.positionals);
  if (request.settings.json) out.result(`${JSON.stringify(results, undefined, 2)}\n`);
  else if (results.length === 0) out.result('The corrupt queue is empty\n');
  else for (const { says } of results) out.result(`${says.join('\n')}\n`);
  return results.every(({ isSaved }) => isSaved) ? 0 : 1;
}

/**
 * Deletes in every shard; one shard, chosen by the queue id, also journals each original as deleted, so that recovery and
 * cleanup bring nothing of it back. What the corrupt queue has of it goes last.
 */
async function remove(platform: Platform, request: Request, out: CommandOutput): Promise<number> {
  const replies: ControlReply[] = [];
  let records = 0;
  for (const id of request.positionals) {
    const entries = await findCorrupt(platform.bus, id);
    if (queueIdPattern.test(id)) replies.push(...(await deleteMessage(platform, id, entries.length > 0)));
    else if (entries.length === 0) throw new Complaint(`the corrupt queue has no record ${id}`);
    await removeCorrupt(platform.bus, entries);
    records += entries.length;
  }
  return report(out, request, { operation: 'delete', replies, records });
}

/** @param isCorrupt its record may be all that is left of it; then the spool need not know it */
async function deleteMessage(
  platform: Platform,
  queueId: string,
  isCorrupt: boolean,
): Promise<readonly ControlReply[]> {
  const { envelope } = await gatherMessage(platform.bus, platform.spool, queueId);
  if (envelope === undefined && platform.spool === undefined)
    throw new Complaint('the envelope cannot be read without the spool; name it with --spool');
  if (envelope === undefined && !isCorrupt)
    throw new Complaint(`the spool has no envelope of ${queueId}; is its segment damaged?`);
  const origs = (envelope?.recipients ?? []).map(({ address }, orig) => ({ orig, final: address }));
  return deleteEverywhere(platform, queueId, origs);
}

async function deleteEverywhere(
  platform: Platform,
  queueId: string,
  origs: { orig: number; final: string }[],
): Promise<readonly ControlReply[]> {
  const shards = await listShards(platform.bus);
  const marked = shards[shardOf(queueId, shards.length)];
  // The mark comes first: from then on nothing of the message starts anew, whatever happens to this command.
  const order = [...shards].sort((left, right) => Number(right === marked) - Number(left === marked));
  const replies: ControlReply[] = [];
  for (const shard of order) {
    const marks = shard === marked ? { origs } : {};
    replies.push(await askShard(platform.bus, shard, { operation: 'delete', queueId, ...marks }));
  }
  return replies;
}

const done: Readonly<Record<string, string>> = {
  flush: 'flushed',
  hold: 'put on hold',
  release: 'released',
  delete: 'deleted',
};

function report(
  out: CommandOutput,
  request: Request,
  result: {
    readonly operation: string;
    readonly replies: readonly ControlReply[];
    /** Records of the corrupt queue that were removed. */
    readonly records?: number;
  },
): number {
  let changed = 0;
  let inFlight = 0;
  for (const reply of result.replies) {
    changed += reply.changed ?? 0;
    inFlight += reply.inFlight ?? 0;
  }
  const { operation, records = 0 } = result;
  const changes = { operation, changed, inFlight, ...(records === 0 ? {} : { records }) };
  out.result(request.settings.json ? `${JSON.stringify(changes)}\n` : changesText(changes));
  return inFlight > 0 && operation === 'delete' ? 1 : 0;
}

function changesText(changes: {
  readonly operation: string;
  readonly changed: number;
  readonly inFlight: number;
  readonly records?: number;
}): string {
  const { operation, changed, inFlight, records } = changes;
  const jobs = `${changed} job${changed === 1 ? '' : 's'} ${done[operation] ?? operation}`;
  const fate = operation === 'hold' ? ', on hold when the attempt has ended' : '';
  const busy = inFlight === 0 ? '' : `; ${inFlight} in an agent's hand at this moment${fate}`;
  const corrupt = records === undefined ? '' : `; ${records} removed from the corrupt queue`;
  return `${jobs}${busy}${corrupt}\n`;
}
