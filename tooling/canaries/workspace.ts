/**
 * Builds a canary workspace in a temporary folder: base, a gate's planted files over it, and this repository's own
 * configuration of every tool. Outside of the repository, so that neither its .gitignore nor its packages play a part.
 */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../test/command.ts';

const configurationFiles = [
  'biome.json',
  'knip.json',
  'package.json',
  'package-lock.json',
  'tsconfig.base.json',
  'turbo.json',
  'vitest.config.ts',
];

/** Makes the workspace, with the planted files of `gate` or (undefined) without any. Returns its folder. */
export function makeWorkspace(gate: string | undefined): string {
  const folder = mkdtempSync(join(tmpdir(), 'railpost-canary-'));
  cpSync(join(root, 'tooling/canaries/base'), folder, { recursive: true });
  if (gate !== undefined) cpSync(join(root, 'tooling/canaries/planted', gate), folder, { recursive: true });
  for (const file of configurationFiles) cpSync(join(root, file), join(folder, file));
  // The house rules stay where they are: as a copy they would be linted as part of the workspace.
  const lintConfiguration = readFileSync(join(root, '.oxlintrc.json'), 'utf8');
  writeFileSync(
    join(folder, '.oxlintrc.json'),
    lintConfiguration.replace('./tooling/lint-rules/', join(root, 'tooling/lint-rules/')),
  );
  linkModules(folder);
  return folder;
}

/**
 * A copy of what generates and of what is generated, which a canary may spoil. Returns its folder, ready for
 * `node packages/config/scripts/generate.ts`.
 */
export function copyGenerated(): string {
  const folder = mkdtempSync(join(tmpdir(), 'railpost-canary-'));
  for (const path of ['package.json', 'packages/config', 'crds', 'docs/reference'])
    cpSync(join(root, path), join(folder, path), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** Our node_modules, but with the canary workspace's own packages as @railpost. */
function linkModules(folder: string): void {
  const modules = join(folder, 'node_modules');
  const own = join(modules, '@railpost');
  mkdirSync(own, { recursive: true });
  for (const name of readdirSync(join(root, 'node_modules')))
    if (name !== '@railpost' && !/^\.(?!bin$)/.test(name))
      symlinkSync(join(root, 'node_modules', name), join(modules, name));
  for (const kind of ['packages', 'services'])
    for (const name of readdirSync(join(folder, kind)))
      symlinkSync(join(folder, kind, name), join(own, name));
}
