/**
 * `npm run bench -- all`: every measurement with its defaults, one after the other; with `--docs` their figures are written into
 * docs/performance.md, between the marks `<!-- bench NAME -->` and `<!-- end NAME -->`.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { UsageError, parseChoices } from './arguments.ts';
import { describeMachine, formatMachine } from './machine/description.ts';
import { type Measurement, type Output, type Target, formatTargets } from './measurement.ts';
import { openOutput } from './output.ts';

/** What `--help` shows. */
export const usage = `Usage: npm run bench -- all [flags] [-- FLAGS OF THE MEASUREMENTS]

Every measurement with its defaults; two to three hours on a quiet machine.

  --only LIST  these only, in this order: relay,cpu-per-message,limits,idle,requests,memory,flood,deferred,scale,
               recovery,spool-size,soak
  --docs       write the figures into docs/performance.md
`;

const names = [
  ...(['relay', 'cpu-per-message', 'limits', 'idle', 'requests'] as const),
  ...(['memory', 'flood', 'deferred', 'scale', 'recovery', 'spool-size', 'soak'] as const),
];
type Name = (typeof names)[number];

const loaders: Readonly<Record<Name, () => Promise<Measurement>>> = {
  relay: () => import('./relay/run.ts'),
  'cpu-per-message': () => import('./cpu-per-message/run.ts'),
  limits: () => import('./targets/limits.ts'),
  idle: () => import('./targets/idle.ts'),
  requests: () => import('./targets/requests.ts'),
  memory: () => import('./targets/memory.ts'),
  flood: () => import('./targets/flood.ts'),
  deferred: () => import('./targets/deferred.ts'),
  scale: () => import('./targets/scale.ts'),
  recovery: () => import('./recovery/run.ts'),
  'spool-size': () => import('./spool-size/run.ts'),
  soak: () => import('./targets/soak.ts'),
};

const document = fileURLToPath(new URL('../docs/performance.md', import.meta.url));
const charts = fileURLToPath(new URL('../docs/performance', import.meta.url));

/** Runs all. @throws UsageError */
export async function run(args: readonly string[], out: Output): Promise<readonly Target[]> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      only: { type: 'string', default: names.join(',') },
      docs: { type: 'boolean', default: false },
    },
  });
  const targets: Target[] = [];
  for (const name of parseChoices('only', values.only, names)) {
    out.text(`\n# ${name}\n`);
    const own = openOutput();
    const measurement = await loaders[name]();
    const ownArguments = [...(name === 'relay' && values.docs ? ['--out', charts] : []), ...positionals];
    own.text(name === 'relay' ? '' : formatMachine(await describeMachine()));
    const met = await attempt(name, () => measurement.run(ownArguments, own), own);
    if (met.length > 0) own.text(`\n${formatTargets(met)}`);
    targets.push(...met);
    if (values.docs) await writeFigures(name, own.kept);
  }
  return targets;
}

/** One that breaks may not cost the figures of those after it; it counts as missed. */
async function attempt(
  name: Name,
  work: () => Promise<readonly Target[]>,
  out: Output,
): Promise<readonly Target[]> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UsageError) throw error;
    out.text(`\n${name} ended early: ${error instanceof Error ? error.message : String(error)}\n`);
    return [{ name: `${name} ran to its end`, value: Number.NaN, unit: 'times', atLeast: 1 }];
  }
}

async function writeFigures(name: string, text: string): Promise<void> {
  const before = await readFile(document, 'utf8');
  await writeFile(document, replaceFigures(before, name, text));
}

/** The document with the figures of one measurement replaced. @throws Error when it has no marks for them */
function replaceFigures(before: string, name: string, text: string): string {
  const [open, close] = [`<!-- bench ${name} -->`, `<!-- end ${name} -->`];
  const from = before.indexOf(open);
  const to = before.indexOf(close);
  if (from < 0 || to < from) throw new Error(`docs/performance.md has no marks ${open} and ${close}`);
  const figures = text.split('\n').filter((line) => !line.startsWith('written: '));
  return `${before.slice(0, from + open.length)}\n\`\`\`\n${figures.join('\n').trim()}\n\`\`\`\n${before.slice(to)}`;
}
