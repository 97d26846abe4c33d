#!/usr/bin/env node
/**
 * What `npx railpost` runs: the CLI through bootstrap, so that it works on a fresh clone and with any Node from 20 on.
 * A development entry; an image runs src/main.ts directly.
 */
process.argv.splice(2, 0, 'railpost');
await import(new URL('../../../tooling/bootstrap.mjs', import.meta.url).href);
