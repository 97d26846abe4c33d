/**
 * Reads a command's arguments against its settings: flags, short forms, positional arguments. Values, bounds and
 * environment variables are the runtime's business, so that a setting means the same here and in a service.
 */
import { parseArgs } from 'node:util';
import {
  SettingsError,
  type SettingsOf,
  type SettingsShape,
  flagOf,
  loadSettings,
  settingFacts,
} from '@railpost/runtime';

/** What the arguments said. */
export interface ParsedArguments<Shape extends SettingsShape> {
  readonly settings: SettingsOf<Shape>;
  readonly positionals: readonly string[];
}

/** How to read them. */
export interface ArgumentsRequest<Shape extends SettingsShape> {
  readonly shape: Shape;
  /** Short form -> name of the setting, for example `{ f: 'file' }`. */
  readonly shorts?: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** True when the arguments ask for help. */
export function asksForHelp(args: readonly string[]): boolean {
  return args.includes('--help') || args.includes('-h');
}

/** Parses. @throws SettingsError naming the flag */
export function parseArguments<Shape extends SettingsShape>(
  args: readonly string[],
  request: ArgumentsRequest<Shape>,
): ParsedArguments<Shape> {
  const { values, positionals } = split(args, request);
  const argv = Object.entries(values).flatMap(([flag, value]) =>
    (Array.isArray(value) ? value : [value]).map((each) => `--${flag}=${String(each)}`),
  );
  const environment = request.environment ?? {};
  return { settings: loadSettings(request.shape, { argv, environment }), positionals };
}

function split<Shape extends SettingsShape>(
  args: readonly string[],
  request: ArgumentsRequest<Shape>,
): { readonly values: Readonly<Record<string, unknown>>; readonly positionals: readonly string[] } {
  const shorts = new Map(Object.entries(request.shorts ?? {}).map(([short, name]) => [name, short]));
  const options = Object.fromEntries(
    Object.entries(request.shape).map(([name, schema]) => {
      const facts = settingFacts(schema);
      const short = shorts.get(name);
      const option = {
        type: facts.isSwitch ? ('boolean' as const) : ('string' as const),
        multiple: facts.isList === true,
        ...(short === undefined ? {} : { short }),
      };
      return [flagOf(name).slice(2), option];
    }),
  );
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    // parseArgs throws for flags that it does not know and for missing values; its first sentence says which.
    const [reason = ''] = (error instanceof Error ? error.message : String(error)).split('. ');
    throw new SettingsError('arguments', reason);
  }
}
