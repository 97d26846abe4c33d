/** spool-keeper: garbage, compaction, orphan check and recovery of the spool of record; one is active at a time. */
import { setFlagsFromString } from 'node:v8';
import { runService } from '@railpost/runtime';
import { createSpoolKeeper } from './app.ts';
import { SpoolKeeperSettings } from './config.ts';

// Whoever goes through a million messages makes garbage all the time; V8 would let its young generation grow to 100 MB for it.
setFlagsFromString('--semi-space-growth-factor=1');

await runService({ name: 'spool-keeper', settings: SpoolKeeperSettings, create: createSpoolKeeper });
