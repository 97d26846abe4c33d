/** The command line of the ledger. */
import { parseArgs } from 'node:util';
import { faults } from './faults.ts';

/** What to run. */
export interface LedgerOptions {
  readonly messages: number;
  readonly kills: number;
  readonly faults: readonly string[];
  readonly seed: string;
  readonly clients: number;
  readonly messagesPerPart: number;
  /** Only these parts (from 1); all when undefined. */
  readonly onlyPart: number | undefined;
  /** Folder of results and logs. */
  readonly state: string;
  /** Runs parts again that have a result. */
  readonly isFresh: boolean;
  /** A mutant of the services (tests of the ledger itself). */
  readonly mutant: string | undefined;
  /** A far end forgets this share of what it takes, in percent (tests of the ledger itself). */
  readonly forgets: number;
}

/** Wrong arguments. */
export class UsageError extends Error {}

const help = `Usage: npm run ledger -- [--messages N] [--kills K] [--faults LIST] [--seed S] [settings]

Sends numbered messages through a platform of its own while faults strike, and looks for each of them afterwards.
Exit code 0: nothing lost, every duplicate explained; 1: not so; 2: wrong arguments.

  --messages N          messages to send (default 2000)
  --kills K             strikes of faults, spread over the messages (default 20)
  --faults LIST         names, separated by commas; NAME*N strikes N times as often (default kill,kill-nats,kill-all)
  --seed S              what is sent, and which fault strikes when (default: the time)
  --part I              run only part I
  --messages-per-part N size of a part; each has a platform of its own (default 5000)
  --clients N           connections at a time (default 16)
  --state DIR           results and logs (default var/ledger/SEED); a run with the same seed goes on where it was
  --fresh               run parts again that have a result
  --mutant SERVICE=NAME a service that breaks a durability rule: the ledger must find it
  --forget PERCENT      far ends forget arrivals: the ledger must find it

Faults:
`;

/** The text of `--help`. */
export function helpText(): string {
  const lines = Object.entries(faults).map(
    ([name, { text, layout }]) => `  ${name.padEnd(18)}${text} (${layout})`,
  );
  return `${help}${lines.join('\n')}\n  all               every one of them\n`;
}

/** Parses. Undefined: help was asked for. @throws UsageError */
export function parseOptions(args: readonly string[], nowMs: number): LedgerOptions | undefined {
  const values = split(args);
  if (values['help'] === true) return undefined;
  const text = (name: string, fallback: string) => {
    const value = values[name];
    return typeof value === 'string' ? value : fallback;
  };
  const number = (name: string, fallback: number, least: number) => {
    const value = Number(text(name, String(fallback)));
    if (Number.isInteger(value) && value >= least) return value;
    throw new UsageError(`--${name} must be a whole number of at least ${least}`);
  };
  const seed = text('seed', String(nowMs));
  if (!/^[\w-]{1,40}$/.test(seed)) throw new UsageError('--seed must be at most 40 letters, digits, _ and -');
  return {
    messages: number('messages', 2000, 1),
    kills: number('kills', 20, 0),
    faults: namesOf(text('faults', 'kill,kill-nats,kill-all')),
    seed,
    clients: number('clients', 16, 1),
    messagesPerPart: number('messages-per-part', 5000, 1),
    onlyPart: values['part'] === undefined ? undefined : number('part', 1, 1),
    state: text('state', `var/ledger/${seed}`),
    isFresh: values['fresh'] === true,
    mutant: values['mutant'] === undefined ? undefined : text('mutant', ''),
    forgets: number('forget', 0, 0),
  };
}

function split(args: readonly string[]): Readonly<Record<string, unknown>> {
  const value = { type: 'string' } as const;
  const toggle = { type: 'boolean' } as const;
  const options = {
    ...{ messages: value, kills: value, faults: value, seed: value, part: value, clients: value },
    ...{ 'messages-per-part': value, state: value, mutant: value, forget: value },
    ...{ fresh: toggle, help: toggle },
  };
  try {
    return { ...parseArgs({ args: [...args], options }).values };
  } catch (error) {
    // parseArgs throws for what it does not know; its first sentence says what.
    throw new UsageError(error instanceof Error ? (error.message.split('. ')[0] ?? '') : String(error));
  }
}

/** `kill*12,config`: a name with a number comes as often. */
function namesOf(list: string): string[] {
  if (list === 'all') return Object.keys(faults);
  const names = list
    .split(',')
    .filter((item) => item !== '')
    .flatMap((item) => repeat(item));
  if (names.length === 0) throw new UsageError('--faults names none');
  return names;
}

function repeat(item: string): string[] {
  const [name = '', times = '1'] = item.split('*');
  if (!Object.hasOwn(faults, name))
    throw new UsageError(`there is no fault ${name}; there are: all, ${Object.keys(faults).join(', ')}`);
  if (!/^[1-9]\d?$/.test(times)) throw new UsageError(`${item}: not NAME*N with N within 1 to 99`);
  return Array.from({ length: Number(times) }, () => name);
}
