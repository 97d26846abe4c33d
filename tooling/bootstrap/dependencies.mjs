/**
 * npm dependencies: installed with `npm install` when node_modules is absent or was installed for other package files
 * than those of now. Never `npm ci`: the lock leaves out binaries for systems that a registry does not serve, and
 * `npm ci` refuses such a lock. `--no-save` keeps the tracked files as they are.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { findInPath, runQuietly } from './command.mjs';
import { withProgress } from './progress.mjs';
import { SetupError } from './setup-error.mjs';

/** The fields of a package.json that decide what npm installs; the others (scripts) may change freely. */
const decisiveFields = [
  'name',
  'version',
  'workspaces',
  'bin',
  'dependencies',
  'devDependencies',
  'optionalDependencies',
  'peerDependencies',
  'overrides',
];

const unreachable = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|network/i;

/**
 * Whether node_modules holds what the package files of now ask for.
 * @param {import('./places.mjs').Places} places
 */
export function isInstalled(places) {
  return existsSync(places.stampFile) && readFileSync(places.stampFile, 'utf8') === stampOf(places.root);
}

/**
 * Runs npm install and leaves the stamp.
 * @param {import('./places.mjs').Places} places
 */
export async function install(places) {
  const [command, ...first] = npmCommand();
  const result = await withProgress('installing dependencies', () =>
    runQuietly(command, [...first, 'install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: places.root,
    }),
  );
  if (result.code !== 0) throw explain(result, places);
  writeFileSync(places.stampFile, stampOf(places.root));
}

/**
 * Fingerprint of everything that decides what npm installs here.
 * @param {string} root
 * @returns {string}
 */
export function stampOf(root) {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`);
  const lock = join(root, 'package-lock.json');
  if (existsSync(lock)) hash.update(readFileSync(lock));
  for (const file of packageFiles(root)) {
    const content = readPackage(file);
    const decisive = decisiveFields.map((field) => content[field] ?? null);
    hash.update(`\n${file.slice(root.length)}\n${JSON.stringify(decisive)}`);
  }
  return `${hash.digest('hex')}\n`;
}

/**
 * The root package.json and those of the workspaces (patterns of the form `folder` or `folder/*`), sorted.
 * @param {string} root
 */
function packageFiles(root) {
  const rootFile = join(root, 'package.json');
  const patterns = readPackage(rootFile)['workspaces'];
  const files = [rootFile];
  for (const pattern of Array.isArray(patterns) ? patterns : []) {
    const folder = join(root, String(pattern).replace(/\/\*$/, ''));
    const isFolderOfPackages = String(pattern).endsWith('/*') && existsSync(folder);
    const names = isFolderOfPackages ? readdirSync(folder).sort() : ['.'];
    files.push(...names.map((name) => join(folder, name, 'package.json')).filter((file) => existsSync(file)));
  }
  return files;
}

/**
 * @param {string} file
 * @returns {Record<string, unknown>}
 */
function readPackage(file) {
  /** @type {unknown} */
  const content = JSON.parse(readFileSync(file, 'utf8'));
  if (typeof content !== 'object' || content === null) throw new SetupError(`${file} is not a package.json`);
  return { ...content };
}

/** The npm that started us, else the one in PATH. @returns {[string, ...string[]]} */
function npmCommand() {
  const caller = process.env['npm_execpath'];
  if (caller !== undefined && basename(caller) === 'npm-cli.js' && existsSync(caller))
    return [process.execPath, caller];
  const found = findInPath('npm');
  if (found === undefined)
    throw new SetupError('npm is missing: install it together with Node 20 or newer (https://nodejs.org)');
  return [found];
}

/**
 * @param {import('./command.mjs').CommandResult} result
 * @param {import('./places.mjs').Places} places
 */
function explain(result, places) {
  mkdirSync(dirname(places.logFile), { recursive: true });
  writeFileSync(places.logFile, result.output);
  if (result.isMissing)
    return new SetupError('npm is missing: install it together with Node 20 or newer (https://nodejs.org)');
  if (unreachable.test(result.output))
    return new SetupError(
      `npm cannot reach its registry: check the network, the proxy or \`npm config get registry\` (details in ${places.logFile})`,
    );
  const line =
    result.output.split('\n').find((each) => /npm (error|ERR!)/.test(each)) ?? `exit code ${result.code}`;
  return new SetupError(`npm install failed: ${line.trim()} (details in ${places.logFile})`);
}
