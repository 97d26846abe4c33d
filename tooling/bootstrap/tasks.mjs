/**
 * Every task of bootstrap, and with it every script of the root package.json (a test holds the two together): what runs,
 * and whether it needs nats-server. A program that ends in .ts is run by Node 24, any other is a tool of node_modules.
 */

/**
 * @typedef {object} Task
 * @property {string} name
 * @property {string} program a .ts file below the repository, or a tool in node_modules/.bin
 * @property {readonly string[]} arguments come before those of the command line
 * @property {boolean} needsNats
 * @property {boolean} keepsFolder runs in the caller's folder, so that paths on the command line mean what they say
 */

/** @type {readonly Task[]} */
export const tasks = [
  {
    name: 'start',
    program: 'packages/cli/src/main.ts',
    arguments: ['up', '-f', 'examples/quickstart', '-f', 'examples/laptop', '--data', 'var'],
    needsNats: true,
    keepsFolder: false,
  },
  task('railpost', 'packages/cli/src/main.ts', [], { needsNats: true, keepsFolder: true }),
  task('test', 'tooling/test/main.ts', [], { needsNats: true }),
  task('setup:peers', 'tooling/peers/main.ts'),
  task('format', 'biome', ['format', '--write']),
  task('format:check', 'biome', ['format']),
  task('lint', 'oxlint', ['--type-aware', '--deny-warnings']),
  task('typecheck', 'tooling/test/main.ts', ['types']),
  task('boundaries', 'turbo', ['boundaries']),
  task('knip', 'knip', ['--no-config-hints']),
  task('generate', 'packages/config/scripts/generate.ts'),
  task('generate:check', 'packages/config/scripts/generate.ts', ['--check']),
  task('canaries', 'tooling/test/main.ts', ['canaries']),
  task('test:unit', 'vitest', ['run', '--project', 'unit']),
  task('test:integration', 'vitest', ['run', '--project', 'integration'], { needsNats: true }),
  task('crash-points', 'tooling/crash-points/main.ts', [], { needsNats: true }),
  task('model', 'tooling/model/main.ts'),
  task('mutants', 'tooling/mutants/main.ts', [], { needsNats: true }),
  task('ledger', 'e2e/ledger/run.ts', [], { needsNats: true }),
  task('bench', 'bench/main.ts', [], { needsNats: true, keepsFolder: true }),
  task('bench:relay', 'bench/main.ts', ['relay'], { needsNats: true, keepsFolder: true }),
  task('test:scenarios', 'vitest', ['run', '--project', 'scenarios'], { needsNats: true }),
];

/**
 * @param {string} name
 * @param {string} program
 * @param {readonly string[]} [taskArguments]
 * @param {{ needsNats?: boolean, keepsFolder?: boolean }} [traits]
 * @returns {Task}
 */
function task(name, program, taskArguments = [], traits = {}) {
  return { name, program, arguments: taskArguments, needsNats: false, keepsFolder: false, ...traits };
}
