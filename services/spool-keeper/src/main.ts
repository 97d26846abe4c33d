/** spool-keeper: garbage, compaction, orphan check and recovery of the spool of record; one is active at a time. */
import { runService } from '@railpost/runtime';
import { createSpoolKeeper } from './app.ts';
import { SpoolKeeperSettings } from './config.ts';

await runService({ name: 'spool-keeper', settings: SpoolKeeperSettings, create: createSpoolKeeper });
