/**
 * Reads process settings from flags and environment: `--http-port 9100`, `--http-port=9100` or `RAILPOST_HTTP_PORT=9100`;
 * a flag wins. Unknown flags are errors. Unknown RAILPOST_ variables are not: Kubernetes invents some for Services
 * (`RAILPOST_SERVICE_HOST`; the chart switches that off, other installations may not).
 * Fails with SettingsError, which names the field; nothing else reads flags or the environment.
 */
import { SettingsError } from '../errors.ts';
import { type SettingsOf, type SettingsShape, settingFacts } from './setting.ts';

/** What the process was asked to do instead of running. */
export type SettingsMode = 'run' | 'check' | 'print' | 'version' | 'help';

const modes: Readonly<Record<string, SettingsMode>> = {
  '--check-config': 'check',
  '--print-config': 'print',
  '--version': 'version',
  '--help': 'help',
  '-h': 'help',
};

/** Where settings come from. */
export interface SettingsSource {
  /** Arguments after the program's name. */
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The mode that the arguments ask for; the last one wins. */
export function settingsMode(argv: readonly string[]): SettingsMode {
  let mode: SettingsMode = 'run';
  for (const argument of argv) mode = modes[argument] ?? mode;
  return mode;
}

/**
 * Reads and checks all settings of `shape`.
 * @throws SettingsError naming the first wrong field
 */
export function loadSettings<Shape extends SettingsShape>(
  shape: Shape,
  source: SettingsSource,
): SettingsOf<Shape> {
  const written = writtenValues(shape, source);
  const values: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(shape)) {
    const result = schema.safeParse(written.get(name));
    if (!result.success) {
      const reason = written.has(name) ? (result.error.issues[0]?.message ?? 'is wrong') : 'is required';
      throw new SettingsError(flagOf(name), reason);
    }
    values[name] = result.data;
  }
  // Every name of the shape was parsed by its own schema just above.
  return Object.freeze(values) as SettingsOf<Shape>;
}

/** `--http-port` of `httpPort`. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `RAILPOST_HTTP_PORT` of `httpPort`. */
export function variableOf(name: string): string {
  return `RAILPOST_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

function writtenValues(shape: SettingsShape, source: SettingsSource): Map<string, string> {
  const written = new Map<string, string>();
  for (const name of Object.keys(shape)) {
    const value = source.environment[variableOf(name)];
    if (value !== undefined) written.set(name, value);
  }
  for (const [name, values] of flagValues(shape, source.argv)) {
    const schema = shape[name];
    const isList = schema !== undefined && settingFacts(schema).isList === true;
    written.set(name, isList ? values.join(',') : (values.at(-1) ?? ''));
  }
  return written;
}

/** Values of each flag in the order they were given. @throws SettingsError */
function flagValues(shape: SettingsShape, argv: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const names = new Map(Object.keys(shape).map((name) => [flagOf(name), name]));
  const values = new Map<string, string[]>();
  const rest = argv.filter((argument) => modes[argument] === undefined);
  for (let at = 0; at < rest.length; at += 1) {
    const { flag, inline } = splitFlag(rest[at] ?? '');
    const name = names.get(flag);
    const schema = name === undefined ? undefined : shape[name];
    if (name === undefined || schema === undefined) throw new SettingsError(flag, 'unknown setting');
    const value = inline ?? (settingFacts(schema).isSwitch ? 'true' : rest[(at += 1)]);
    if (value === undefined) throw new SettingsError(flag, 'needs a value');
    values.set(name, [...(values.get(name) ?? []), value]);
  }
  return values;
}

function splitFlag(argument: string): { readonly flag: string; readonly inline: string | undefined } {
  const equals = argument.startsWith('--') ? argument.indexOf('=') : -1;
  if (equals < 0) return { flag: argument, inline: undefined };
  return { flag: argument.slice(0, equals), inline: argument.slice(equals + 1) };
}
