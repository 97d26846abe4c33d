/**
 * Every gate and the violations planted for it. `base/` is a small workspace that passes all gates; for each gate the
 * files of `planted/<gate>/` are laid over it, the gate is run with the configuration of this repository, and every
 * canary must be found in what the gate says.
 */

/** One planted violation. */
export interface Canary {
  /** What is planted, as a reader would say it. */
  readonly planted: string;
  /** Found in the gate's output, in which every run of white space and `|` is one space. */
  readonly sign: RegExp;
}

/** A gate with its canaries. */
export interface GateCanaries {
  /** The step of `npm test`, and the folder in `planted/`. */
  readonly gate: string;
  readonly command: readonly string[];
  readonly canaries: readonly Canary[];
}

/** All of them. */
export const gates: readonly GateCanaries[] = [
  {
    gate: 'format',
    command: ['biome', 'format', '--reporter=github'],
    canaries: [{ planted: 'a file that Biome would write otherwise', sign: /unformatted\.ts/ }],
  },
  {
    gate: 'lint',
    command: ['oxlint', '--type-aware', '--deny-warnings', '--format=unix'],
    canaries: [
      lint('a promise that nobody waits for', 'floating-promise.ts', 'no-floating-promises'),
      lint('a switch that forgets a case', 'open-switch.ts', 'switch-exhaustiveness-check'),
      lint('an import cycle', 'cycle-one.ts', 'no-cycle'),
      lint('a file of more than 500 lines', 'long-file.ts', 'max-lines)'),
      lint('a function of more than 80 lines', 'long-function.ts', 'max-lines-per-function'),
      lint('a function of complexity 14', 'complex-function.ts', 'complexity'),
      lint('five parameters', 'many-parameters.ts', 'max-params'),
      lint('any', 'explicit-any.ts', 'no-explicit-any'),
      lint('a call of unchecked JSON', 'unsafe-call.ts', 'no-unsafe-call'),
      lint('a non-null assertion', 'non-null.ts', 'no-non-null-assertion'),
      lint('a default export', 'default-export.ts', 'no-default-export'),
      lint('a nested ternary', 'nested-ternary.ts', 'no-nested-ternary'),
      lint('a service that prints', 'console-output.ts', 'no-console'),
      lint('a TODO', 'open-end.ts', 'no-warning-comments'),
      lint('process.env outside config.ts', 'environment.ts', 'railpost(environment-in-settings)'),
      lint('a status outside statuses.ts', 'status-literal.ts', 'railpost(statuses-in-table)'),
      lint('log text that changes', 'log-text.ts', 'railpost(static-log-text)'),
      lint('the test kit in a shipped file', 'testkit-import.ts', 'railpost(testkit-in-tests)'),
      lint('an adapter in a policy', 'policy/reads-file.ts', 'railpost(pure-imports)'),
      lint('the clock in a policy', 'policy/reads-clock.ts', 'railpost(pure-clock)'),
      lint('dice in a pure package', 'mail/src/reads-dice.ts', 'railpost(pure-clock)'),
      lint('a folder called helpers', 'helpers/pad.ts', 'railpost(file-names)'),
      lint('a file name in camel case', 'camelCase.ts', 'railpost(file-names)'),
      lint('a file without an opening comment', 'silent-file.ts', 'railpost(file-comment)'),
      lint('export *', 'export-all.ts', 'railpost(explicit-exports)'),
      lint('a skipped test', 'skipped.itest.ts', 'railpost(no-idle-tests)'),
    ],
  },
  {
    gate: 'types',
    command: ['turbo', 'run', 'typecheck', '--continue=always', '--output-logs=errors-only'],
    canaries: [
      { planted: 'a number where text belongs', sign: /wrong-type\.ts\S+ error TS2322/ },
      { planted: 'an import past another package’s entry', sign: /deep-import\.ts\S+ error TS2307/ },
      { planted: 'an index that is not checked', sign: /unchecked-index\.ts\S+ error TS2322/ },
      { planted: 'an enum', sign: /has-enum\.ts\S+ error TS1294/ },
      { planted: 'node:fs in a pure package', sign: /opens-file\.ts\S+ error TS2591/ },
    ],
  },
  {
    gate: 'boundaries',
    command: ['turbo', 'boundaries'],
    canaries: [
      { planted: 'a pure package that imports an adapter', sign: notAllowed('pure-uses-adapter', 'spool') },
      { planted: 'an adapter that imports the runtime', sign: notAllowed('adapter-uses-runtime', 'runtime') },
      { planted: 'a service that imports a service', sign: notAllowed('service-uses-service', 'neighbour') },
      {
        planted: 'an import that package.json does not name',
        sign: /cannot import package `@railpost\/mail` because it is not a dependency/,
      },
      {
        planted: 'a relative import that leaves its package',
        sign: /import `\.\.\/\.\.\/mail\/src\/decide\.ts` leaves the package/,
      },
    ],
  },
  {
    gate: 'knip',
    command: ['knip', '--reporter=compact'],
    canaries: [
      { planted: 'an export that nothing uses', sign: /used\.ts: deadExport/ },
      { planted: 'a file that nothing imports', sign: /Unused files .*dead-file\.ts/ },
      { planted: 'a dependency that nothing uses', sign: /dead-code\/package\.json: [^:]*yaml/ },
    ],
  },
];

function lint(planted: string, file: string, rule: string): Canary {
  // The message between place and rule holds no bracket that could let a match run into the next finding.
  return { planted, sign: new RegExp(`${escape(file)}:\\d+:\\d+: [^\\[]*\\[Error/[^\\]]*${escape(rule)}`) };
}

function notAllowed(importer: string, imported: string): RegExp {
  return new RegExp(
    `\`@railpost/${imported}\` found without any tag listed in allowlist for \`@railpost/${importer}\``,
  );
}

function escape(text: string): string {
  return text.replaceAll(/[.()[\]]/g, '\\$&');
}
