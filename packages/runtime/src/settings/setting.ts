/**
 * Builders for process settings: each states text, default, bounds and unit, and turns the string of a flag or an
 * environment variable into the value that services use (milliseconds, bytes, numbers). A service's `config.ts` is a
 * record of these; load-config.ts reads them; `--help` and the reference pages are printed from the same facts.
 */
import { z } from 'zod';

/** What `--help` says of one setting. */
export interface SettingFacts {
  readonly text: string;
  /** As the user would write it; absent: the setting has no default. */
  readonly default?: string;
  readonly bounds?: string;
  readonly unit?: string;
  readonly isRequired: boolean;
  /** A flag that may stand alone: `--print-config`. */
  readonly isSwitch: boolean;
  /** May be given several times; the values join. */
  readonly isList?: boolean;
}

/** A setting: a zod schema from the written string to the value. */
export type Setting<Value> = z.ZodType<Value, string | undefined>;

/** Settings of a process by camelCase name. */
export type SettingsShape = Readonly<Record<string, Setting<unknown>>>;

/** Values of settings. */
export type SettingsOf<Shape extends SettingsShape> = {
  readonly [Name in keyof Shape]: z.output<Shape[Name]>;
};

interface Common {
  /** One sentence for `--help`. */
  readonly text: string;
  /** As the user would write it. Absent: required, unless the builder is an optional one. */
  readonly default?: string;
}

interface Bounded extends Common {
  readonly min: string;
  readonly max: string;
}

const registry = z.registry<SettingFacts>();

const durationUnits: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const sizeUnits: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
};

/** Facts of a setting. */
export function settingFacts(schema: Setting<unknown>): SettingFacts {
  return registry.get(schema) ?? { text: '', isRequired: false, isSwitch: false };
}

/** `300s`, `2h`, `500ms` as milliseconds; undefined when it is not a duration. */
export function parseDuration(text: string): number | undefined {
  return scaled(text, /^(\d+)(ms|s|m|h|d)$/, durationUnits);
}

/** `50Mi`, `10M`, `1024` as bytes; undefined when it is not a size. */
export function parseSize(text: string): number | undefined {
  return scaled(text, /^(\d+)(k|M|G|Ki|Mi|Gi|Ti)?$/, sizeUnits);
}

function scaled(text: string, pattern: RegExp, units: Readonly<Record<string, number>>): number | undefined {
  const parts = pattern.exec(text);
  const factor = units[parts?.[2] ?? ''];
  return parts === null || factor === undefined ? undefined : Number(parts[1]) * factor;
}

/** A duration with unit; the value is milliseconds. */
function duration(facts: Bounded): Setting<number> {
  return bounded(facts, parseDuration, 'a duration such as 500ms, 30s, 5m, 2h, 5d', 'duration');
}

/** A size with optional unit; the value is bytes. */
function size(facts: Bounded): Setting<number> {
  return bounded(facts, parseSize, 'a size such as 512Ki, 50Mi, 2Gi', 'bytes');
}

/** A whole number. */
function integer(
  facts: Common & { readonly min: number; readonly max: number; readonly unit?: string },
): Setting<number> {
  const parse = (text: string) => (/^-?\d+$/.test(text) ? Number(text) : undefined);
  const bounds = { ...facts, min: String(facts.min), max: String(facts.max) };
  return bounded(bounds, parse, 'a whole number', facts.unit ?? 'number');
}

function bounded(
  facts: Bounded,
  parse: (text: string) => number | undefined,
  expected: string,
  unit: string,
): Setting<number> {
  const minimum = parse(facts.min) ?? Number.NEGATIVE_INFINITY;
  const maximum = parse(facts.max) ?? Number.POSITIVE_INFINITY;
  const schema = z.string().transform((text, check) => {
    const value = parse(text);
    if (value !== undefined && value >= minimum && value <= maximum) return value;
    const reason =
      value === undefined
        ? `"${text}" is not ${expected}`
        : `${text} is not within ${facts.min} to ${facts.max}`;
    check.addIssue({ code: 'custom', message: reason });
    return z.NEVER;
  });
  return register(schema, facts, { unit, bounds: `${facts.min} to ${facts.max}` });
}

/** Any non-empty text, optionally of a form. */
function text(facts: Common & { readonly pattern?: RegExp; readonly expected?: string }): Setting<string> {
  const schema = z.string().refine((value) => value !== '' && (facts.pattern?.test(value) ?? true), {
    error: (issue) => `"${String(issue.input)}" is not ${facts.expected ?? 'a text'}`,
  });
  return register(schema, facts, {});
}

/** As {@link text}, but may be absent. */
function optionalText(
  facts: Omit<Common, 'default'> & { readonly pattern?: RegExp; readonly expected?: string },
): Setting<string | undefined> {
  const schema = z
    .string()
    .refine((value) => value !== '' && (facts.pattern?.test(value) ?? true), {
      error: (issue) => `"${String(issue.input)}" is not ${facts.expected ?? 'a text'}`,
    })
    .optional();
  registry.add(schema, { text: facts.text, isRequired: false, isSwitch: false });
  return schema;
}

/** Texts separated by commas, or the flag given several times. */
function list(facts: Common): Setting<readonly string[]> {
  const schema = z.string().transform((value) =>
    value
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  );
  return register(schema, facts, { unit: 'separated by commas', isList: true });
}

/** One of a few words. */
function choice<const Words extends readonly [string, ...string[]]>(
  facts: Common & { readonly values: Words },
): Setting<Words[number]> {
  const schema = z.enum(facts.values, {
    error: (issue) => `"${String(issue.input)}" is none of ${facts.values.join(', ')}`,
  });
  return register(schema as unknown as z.ZodType<Words[number], string>, facts, {
    bounds: facts.values.join(' | '),
  });
}

/** On or off; off when absent. `--flag`, `--flag=true`, `--flag=false`. */
function toggle(facts: { readonly text: string }): Setting<boolean> {
  const schema = z
    .enum(['true', 'false'], { error: (issue) => `"${String(issue.input)}" is neither true nor false` })
    .prefault('false')
    .transform((value) => value === 'true');
  registry.add(schema, { text: facts.text, default: 'false', isRequired: false, isSwitch: true });
  return schema;
}

function register<Value>(
  schema: z.ZodType<Value, string>,
  facts: Common,
  more: { readonly unit?: string; readonly bounds?: string; readonly isList?: boolean },
): Setting<Value> {
  const known = { text: facts.text, ...more, isSwitch: false };
  if (facts.default === undefined) {
    registry.add(schema, { ...known, isRequired: true });
    return schema;
  }
  const withDefault = schema.prefault(facts.default);
  registry.add(withDefault, { ...known, default: facts.default, isRequired: false });
  return withDefault;
}

/** Builders of settings. */
export const setting = { duration, size, integer, text, optionalText, list, choice, toggle } as const;
