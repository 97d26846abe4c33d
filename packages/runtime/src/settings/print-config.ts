/**
 * Settings as text: `--help` from the declared facts, `--print-config` from the values in force. Secrets are file paths
 * and so never appear; user information in URLs is blotted out.
 */
import { flagOf, variableOf } from './load-config.ts';
import { type SettingsShape, settingFacts } from './setting.ts';

/** The text of `--help`. */
export function formatHelp(usage: string, shape: SettingsShape): string {
  const lines = [
    usage,
    '',
    'Settings (each may also be given as an environment variable, --http-port as RAILPOST_HTTP_PORT):',
  ];
  for (const [name, schema] of Object.entries(shape)) {
    const facts = settingFacts(schema);
    const notes = [
      ...(facts.default === undefined ? [] : [`default ${facts.default}`]),
      ...(facts.isRequired ? ['required'] : []),
      ...(facts.bounds === undefined ? [] : [facts.bounds]),
      ...(facts.unit === undefined ? [] : [facts.unit]),
    ];
    lines.push(
      `  ${flagOf(name).padEnd(24)} ${facts.text}${notes.length === 0 ? '' : ` (${notes.join('; ')})`}`,
    );
  }
  lines.push(
    '',
    '  --check-config           Check the settings and exit: 0 good, 78 wrong.',
    '  --print-config           Print the settings in force, secrets left out, and exit.',
    '  --version                Print the version and exit.',
    '  --help                   Print this and exit.',
  );
  return `${lines.join('\n')}\n`;
}

/** The text of `--print-config`: JSON by environment variable, durations in milliseconds, sizes in bytes. */
export function formatSettings(shape: SettingsShape, values: Readonly<Record<string, unknown>>): string {
  const printed = Object.keys(shape).map((name) => [variableOf(name), redact(values[name])]);
  return `${JSON.stringify(Object.fromEntries(printed), undefined, 2)}\n`;
}

function redact(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(/(:\/\/)[^/@\s]*@/g, '$1***@');
  if (Array.isArray(value)) return value.map(redact);
  return value ?? null;
}
