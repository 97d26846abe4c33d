/**
 * Test projects. `unit` needs nothing; `integration` and `crash-points` start real servers (testkit) per file and run in
 * parallel; `scenarios` run the whole platform. A service's `crash-points.itest.ts` kills it at each point where it may die, which takes
 * its time; what takes too much of it for every run of the tests is in `crash-points-all.itest.ts`.
 */
import { defineConfig } from 'vitest/config';

const crashPoints = '{packages,services,e2e}/**/*crash-points.itest.ts';
const longCrashPoints = '{packages,services,e2e}/**/*crash-points-all.itest.ts';
const notOurs = ['**/node_modules/**', 'tooling/canaries/{base,planted}/**'];
const withServers = { testTimeout: 60_000, hookTimeout: 60_000, fileParallelism: true, maxWorkers: 3 };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            '{packages,services,tooling}/**/*.test.{ts,mjs}',
            '{bench,e2e/support,e2e/ledger}/**/*.test.ts',
          ],
          exclude: notOurs,
          testTimeout: 10_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['{packages,services,e2e,bench}/**/*.itest.ts'],
          exclude: [...notOurs, crashPoints, longCrashPoints],
          ...withServers,
        },
      },
      {
        test: { name: 'crash-points', include: [crashPoints], exclude: notOurs, ...withServers },
      },
      {
        test: { name: 'crash-points-all', include: [longCrashPoints], exclude: notOurs, ...withServers },
      },
      {
        test: {
          name: 'scenarios',
          include: ['e2e/scenarios/*/run.test.ts'],
          exclude: notOurs,
          ...withServers,
          testTimeout: 120_000,
          maxWorkers: 2,
        },
      },
    ],
  },
});
