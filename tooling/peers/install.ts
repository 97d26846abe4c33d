/**
 * Brings missing peers. apt runs as root or through sudo without a password; its packages' daemons are kept from
 * starting by a policy-rc.d of ours for the time of the installation, and no configuration of the machine is touched
 * (tests run peers from folders of their own). versitygw is built by Go from the go.mod beside this file.
 */
import { type SpawnSyncOptions, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Peer, binFolder, setupCommand } from './peers.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const policyFile = '/usr/sbin/policy-rc.d';
/** Said by policy-rc.d: the action is forbidden by policy (invoke-rc.d(8)). */
const policy = '#!/bin/sh\nexit 101\n';
/** Without this a fresh Postfix or its dialogue would ask for a configuration on the terminal. */
const aptEnvironment = ['DEBIAN_FRONTEND=noninteractive', 'DEBCONF_NONINTERACTIVE_SEEN=true'];

/** Installs these peers. Returns what went wrong, one line each; empty when all is well. */
export function installPeers(missing: readonly Peer[]): readonly string[] {
  const packages = missing.flatMap((peer) => peer.debianPackages);
  const problems = packages.length === 0 ? [] : installPackages(packages);
  const needsVersitygw = missing.some((peer) => peer.name === 'versitygw');
  return needsVersitygw ? [...problems, ...buildVersitygw()] : problems;
}

function installPackages(packages: readonly string[]): readonly string[] {
  const byHand = `run as root: apt-get install --no-install-recommends ${packages.join(' ')}`;
  if (!existsSync('/usr/bin/apt-get')) return [`${packages.join(', ')}: no apt-get here; bring them by hand`];
  const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  if (sudo.length > 0 && run(['sudo', '-n', 'true'], { stdio: 'ignore' }) !== 0)
    return [`${packages.join(', ')}: this user may not install; ${byHand}, then ${setupCommand}`];
  const stopPolicy = forbidDaemons(sudo);
  try {
    const install = [
      ...sudo,
      'env',
      ...aptEnvironment,
      'apt-get',
      'install',
      '-y',
      '-q',
      '--no-install-recommends',
    ];
    if (run([...install, ...packages]) === 0) return [];
    // The package lists of a fresh image are empty or old.
    const update = run([...sudo, 'env', ...aptEnvironment, 'apt-get', 'update', '-q']);
    return update === 0 && run([...install, ...packages]) === 0 ? [] : [`apt-get failed; ${byHand}`];
  } finally {
    stopPolicy();
  }
}

/** Keeps the packages' daemons from starting; the result ends that. A policy of the machine's own is left alone. */
function forbidDaemons(sudo: readonly string[]): () => void {
  if (existsSync(policyFile)) return () => {};
  if (sudo.length === 0) {
    writeFileSync(policyFile, policy);
    chmodSync(policyFile, 0o755);
    return () => rmSync(policyFile, { force: true });
  }
  run([...sudo, 'sh', '-c', `printf '#!/bin/sh\\nexit 101\\n' > ${policyFile} && chmod 755 ${policyFile}`]);
  return () => run([...sudo, 'rm', '-f', policyFile]);
}

function buildVersitygw(): readonly string[] {
  const target = join(binFolder, 'versitygw');
  const part = `${target}.${process.pid}`;
  mkdirSync(binFolder, { recursive: true });
  const build = [
    'go',
    'build',
    '-trimpath',
    '-ldflags=-s -w',
    '-o',
    part,
    'github.com/versity/versitygw/cmd/versitygw',
  ];
  console.error('railpost: building versitygw with Go (two minutes the first time) ...');
  const code = run(build, {
    cwd: join(root, 'tooling', 'peers', 'versitygw'),
    env: { ...process.env, CGO_ENABLED: '0' },
  });
  if (code === 127)
    return [
      'versitygw: go is missing; install Go 1.25 or newer (https://go.dev/dl), then run ' + setupCommand,
    ];
  if (code !== 0) return [`versitygw: go build failed; run ${setupCommand} to see why`];
  renameSync(part, target);
  return [];
}

/** Runs a command with its output on our stderr; 127 when it does not exist. */
function run(command: readonly string[], options: SpawnSyncOptions = {}): number {
  const [program = '', ...programArguments] = command;
  const result = spawnSync(program, programArguments, { stdio: ['ignore', 2, 2], ...options });
  if (result.error !== undefined) return 127;
  return result.status ?? 1;
}
