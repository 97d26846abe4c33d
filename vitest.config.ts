/** Test projects: `unit` needs nothing; `integration` starts real servers (testkit) per file and runs in parallel. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{packages,services,tooling}/**/*.test.{ts,mjs}', 'e2e/support/**/*.test.ts'],
          exclude: ['**/node_modules/**', 'tooling/canaries/{base,planted}/**'],
          testTimeout: 10_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['{packages,services,e2e}/**/*.itest.ts'],
          exclude: ['**/node_modules/**', 'tooling/canaries/{base,planted}/**'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: true,
          maxWorkers: 3,
        },
      },
    ],
  },
});
